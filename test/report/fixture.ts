import { depthToRgb, featureToRgb } from "../../src/report/index.ts";
import type { CurveReport, Metrics, NetworkReport, ReportData, SampleReport } from "../../src/report/types.ts";
import { Rng } from "../../src/tensor/rng.ts";

const CLASSES = ["bed", "bookshelf", "cabinet", "chair", "door", "lamp", "pillow", "sofa", "table", "window"];

/** Class names for `size` classes: the ten of the small set, numbered onwards. */
export function classNames(size: number): string[] {
  return Array.from({ length: size }, (_, i) => CLASSES[i % 10] + (i >= 10 ? ` ${Math.floor(i / 10) + 1}` : ""));
}

/** Scores that hang together: a drawn confusion matrix and what follows from it. */
export function metrics(rng: Rng, classes: number, skill: number): Metrics {
  const sizes = new Rng(8);
  const confusion = Array.from({ length: classes }, (_, truth) => {
    const row = new Array<number>(classes).fill(0);
    const size = 30 + sizes.int(90);
    const hard = skill + 0.3 * (rng.uniform() - 0.5);
    for (let i = 0; i < size; i++)
      row[rng.uniform() < hard ? truth : (truth + 1 + Math.floor(rng.uniform() ** 2 * (classes - 1))) % classes]++;
    return row;
  });
  const sums = confusion.map((row) => row.reduce((a, b) => a + b, 0));
  const perClass = confusion.map((row, i) => row[i] / sums[i]);
  const samples = sums.reduce((a, b) => a + b, 0);
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  const meanClass = perClass.reduce((a, b) => a + b, 0) / classes;
  return { top1: right / samples, meanClass, nll: 2.6 - 2.4 * skill, perClass, confusion, samples };
}

function curve(rng: Rng, network: string, end: number, ours: boolean): CurveReport {
  const epochs = Array.from({ length: 60 }, (_, i) => i + 1);
  const fall = (from: number, to: number, noise: number) =>
    epochs.map((epoch) => to + (from - to) * Math.exp(-epoch / 14) + noise * rng.normal());
  const task = fall(2.3, 1.6 - end, 0.02);
  const losses: Record<string, number[]> = { task };
  if (ours) {
    Object.assign(losses, {
      hall: fall(2.3, 0.9, 0.02),
      mmd: fall(0.3, 0.13, 0.004),
      kl: fall(2.3, 1, 0.02),
      translation: fall(0.04, 0.009, 0.0004),
    });
    losses.total = epochs.map(
      (_, i) => task[i] + losses.hall[i] + 2 * losses.mmd[i] + losses.kl[i] + losses.translation[i],
    );
  }
  const valTop1 = epochs.map((epoch) =>
    epoch % 5 === 0 ? end - 0.35 * Math.exp(-epoch / 12) + 0.008 * rng.normal() : null,
  );
  const trainTop1 = epochs.map((epoch) => end + 0.1 - 0.5 * Math.exp(-epoch / 20) + 0.008 * rng.normal());
  return { network, epochs, losses, trainTop1, valTop1, ...(ours && { translatorMean: fall(0.45, 0.16, 0.005) }) };
}

function sample(rng: Rng, i: number, classes: string[], networks: NetworkReport[]): SampleReport {
  const size = 48;
  const depth = new Uint16Array(size * size);
  const rgb = new Uint8Array(size * size * 3);
  const [x0, y0, radius] = [12 + rng.int(24), 12 + rng.int(24), 8 + rng.int(10)];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const inside = Math.hypot(x - x0, y - y0) < radius;
      depth[y * size + x] = inside ? 1500 : 2000 + 45 * (size - y);
      if (x < 5 && y > 10 + i) depth[y * size + x] = 0;
      rgb.set(inside ? [190 - y, 90 + 2 * i, 60 + x] : [120 + y, 130 + y, 140 + x], (y * size + x) * 3);
    }
  }
  const map = (noise: number) =>
    Float32Array.from({ length: 144 }, (_, k) => Math.max(0, Math.sin(k / 9 + i) + noise * rng.normal()));
  const picture = (caption: string, width: number, pixels: Uint8Array) => ({
    caption,
    width,
    height: width,
    rgb: pixels,
  });
  const truth = classes[i % classes.length];
  return {
    name: `scene-${String(100 + i * 7)}-crop-${i}.png`,
    truth,
    images: [
      picture("colour", size, rgb),
      picture("depth (not seen)", size, depthToRgb(depth, size, size)),
      picture("restored by H", 12, featureToRgb(map(0.25), 12, 12, 1.2)),
      picture("seen by P", 12, featureToRgb(map(0), 12, 12, 1.2)),
    ],
    predictions: networks.map(({ id, metrics: { top1 } }) => {
      const correct = rng.uniform() < top1;
      return {
        network: id,
        predicted: correct ? truth : classes[(i + 1 + rng.int(classes.length - 1)) % classes.length],
        probability: 0.3 + 0.65 * rng.uniform(),
        correct,
      };
    }),
  };
}

/** A made-up run with five networks, curves and samples; the same for the same number of classes. */
export function syntheticReport(size = 10): ReportData {
  const rng = new Rng(7);
  const classes = classNames(size);
  const network = (
    id: string,
    title: string,
    seen: NetworkReport["seen"],
    role: NetworkReport["role"],
    skill: number,
  ): NetworkReport => ({
    id,
    title,
    seen,
    role,
    parameters: role === "ours" ? 370_410 : role === "upper bound" ? 369_978 : 173_050,
    seconds: role === "ours" ? 123.4 : role === "upper bound" ? 102 : 41.2,
    metrics: metrics(rng, size, skill),
  });
  const networks = [
    network("rgb-only", "Colour only", "rgb", "baseline", 0.49),
    network("one-stage-rgb", "One-stage (colour)", "rgb", "ours", 0.54),
    network("depth-only", "Depth only", "depth", "baseline", 0.53),
    network("one-stage-depth", "One-stage (depth)", "depth", "ours", 0.56),
    network("rgbd", "Colour and depth", "both", "upper bound", 0.62),
  ];
  return {
    title: "Indoor objects: colour and depth in training, one of them at test",
    subtitle: "Ten kinds of objects cut out of indoor scenes, 64 by 64 pixels, 1978 for training and 868 for test.",
    created: "2026-11-23T12:30:00.000Z",
    command: "onestage train --data nyuv2-objects10 --epochs 60 --seed 0 --both-directions --report report.html",
    adapter: "llvmpipe (LLVM 19.1.7, 256 bits)",
    seconds: 431,
    task: "classify",
    classes,
    settings: {
      seed: 0,
      epochs: 60,
      batch: 64,
      optimiser: "AdamW",
      "learning rate": 0.004,
      "weight decay": 0.05,
      alpha: 2,
      beta: 1,
      lambdaT: 0.01,
      temperature: 2,
      "privileged network": "frozen",
      augment: true,
    },
    networks,
    curves: networks.map(({ id, role, metrics: { top1 } }) => curve(rng, id, top1, role === "ours")),
    samples: Array.from({ length: 6 }, (_, i) => sample(rng, i, classes, networks)),
    notes: [
      "Every number is of the last epoch; nothing was selected on the test set.",
      "The one-stage network has two streams at test, so a network of one stream is not a fair opponent in size alone.",
    ],
  };
}
