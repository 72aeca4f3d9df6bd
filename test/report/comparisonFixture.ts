import { MetricsCounter, SegmentationCounter } from "../../src/model/metrics.ts";
import type { ComparisonData, ComparisonRow, SeedResult } from "../../src/report/comparison.ts";
import { depthToRgb, featureToRgb } from "../../src/report/index.ts";
import { labelsToRgb } from "../../src/report/labels.ts";
import type { Role, SampleReport, Seen } from "../../src/report/types.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { classNames } from "./fixture.ts";

const IMAGES = 240;

/** Scores of made-up class predictions: images have a common difficulty, so that networks err on the same ones. */
function classified(rng: Rng, classes: number, skill: number) {
  const counter = new MetricsCounter(classes);
  const images = new Rng(3, "images");
  for (let i = 0; i < IMAGES; i++) {
    const truth = i % classes;
    const hard = images.normal();
    const right = skill + 0.25 * hard + 0.35 * rng.normal() > 0.5;
    const said = right ? truth : (truth + 1 + rng.int(classes - 1)) % classes;
    const confidence = Math.min(0.98, Math.max(1.2 / classes, 0.6 + 0.2 * rng.normal()));
    const rest = (1 - confidence) / (classes - 1);
    counter.add(
      Array.from({ length: classes }, (_, k) => (k === said ? confidence : rest)),
      truth,
    );
  }
  return { metrics: counter.result(), perImage: counter.perImage() };
}

/** Scores of made-up label maps of 12x12 pixels. */
function segmented(rng: Rng, classes: number, skill: number) {
  const counter = new SegmentationCounter(classes);
  const images = new Rng(3, "maps");
  for (let i = 0; i < IMAGES / 4; i++) {
    const own = [images.int(classes), images.int(classes), images.int(classes)];
    const hard = 0.1 * images.normal();
    const truth = Array.from({ length: 144 }, (_, p) => (p === 0 ? 255 : own[Math.floor(p / 48)]!));
    const said = truth
      .map((k) => (rng.uniform() < skill + hard ? k : own[rng.int(3)]!))
      .map((k) => (k === 255 ? 0 : k));
    counter.add(said, truth, 2.5 - 2 * skill);
  }
  return { metrics: counter.result(), perImage: counter.perImage() };
}

function samples(task: ComparisonData["task"], classes: string[], rows: ComparisonRow[]): SampleReport[] {
  const size = 40;
  return [0, 1, 2].map((i) => {
    const rng = new Rng(11, i);
    const labels = (noise: number) =>
      Uint8Array.from({ length: size * size }, (_, p) => {
        const [x, y] = [p % size, Math.floor(p / size)];
        if (rng.uniform() < noise) return rng.int(classes.length);
        return x < 2 ? 255 : y > 28 ? 1 + i : Math.hypot(x - 20, y - 16) < 9 ? 4 + i : x < 20 ? 2 : 0;
      });
    const depth = Uint16Array.from({ length: size * size }, (_, p) => 800 + 60 * Math.floor(p / size) + (p % size) * i);
    const rgb = labelsToRgb(labels(0)).map((value, p) => Math.round(0.5 * value + 60 + ((p * 7) % 23)));
    const picture = (caption: string, pixels: Uint8Array, side = size) => ({
      caption,
      width: side,
      height: side,
      rgb: pixels,
    });
    const map = (noise: number) =>
      Float32Array.from({ length: 100 }, (_, k) => Math.max(0, Math.sin(k / 7 + i) + noise * rng.normal()));
    return {
      name: `scene-${100 + 7 * i}`,
      truth: classes[i]!,
      images: [
        picture("colour", rgb),
        picture("depth (not seen)", depthToRgb(depth, size, size)),
        ...(task === "segment"
          ? [
              picture("truth", labelsToRgb(labels(0))),
              picture("RGB only", labelsToRgb(labels(0.4))),
              picture("One-stage", labelsToRgb(labels(0.25))),
            ]
          : []),
        picture("restored by H", featureToRgb(map(0.3), 10, 10, 1.2), 10),
        picture("seen by P", featureToRgb(map(0), 10, 10, 1.2), 10),
      ],
      predictions:
        task === "segment"
          ? []
          : rows.slice(0, 6).map(({ id }, k) => ({
              network: id,
              predicted: classes[(i + (k % 2)) % classes.length]!,
              probability: 0.4 + 0.1 * k,
              correct: k % 2 === 0,
            })),
    };
  });
}

/** A made-up comparison of both directions; the same for the same arguments. */
export function syntheticComparison(task: ComparisonData["task"] = "classify", seeds = 5, size = 10): ComparisonData {
  const classes = classNames(size);
  const score = task === "classify" ? classified : segmented;
  const row = (
    id: string,
    label: string,
    role: Role,
    direction: Seen,
    skill: number,
    options: { heads?: boolean; streams?: number; seeds?: number } = {},
  ): ComparisonRow => {
    const { heads = false, streams = 1 } = options;
    return {
      id,
      label,
      role,
      direction,
      seeds: Array.from({ length: options.seeds ?? seeds }, (_, seed): SeedResult => {
        const rng = new Rng(5, id, seed);
        const own = skill + 0.02 * rng.normal();
        const averaged = heads ? score(rng.fork("averaged"), size, own + 0.01) : null;
        return {
          seed,
          ...score(rng, size, own),
          ...(averaged && { averaged: averaged.metrics, averagedPerImage: averaged.perImage }),
          trainSeconds: 41 * streams + seed,
        };
      }),
      parameters: 173_050 * streams,
      flops: 21_400_000 * streams,
      ...(heads && { averaged: { flops: 21_900_000 * streams } }),
      trainSeconds: 45 * streams,
    };
  };
  const rows = [
    row("rgb-only", "RGB only", "baseline", "rgb", 0.5),
    row("ensemble-rgb", "Ensemble of two RGB networks", "baseline", "rgb", 0.53, { streams: 2 }),
    row("kd-rgb", "Distilled from depth", "baseline", "rgb", 0.51),
    row("two-stage-rgb", "Two-stage, RGB at test", "baseline", "rgb", 0.55, { streams: 2.1 }),
    row("one-stage-rgb", "One-stage, RGB at test", "ours", "rgb", 0.58, { heads: true, streams: 2.1 }),
    row("depth-only", "Depth only", "baseline", "depth", 0.55),
    row("one-stage-depth", "One-stage, depth at test", "ours", "depth", 0.57, { streams: 2.1 }),
    row("rgbd", "RGB-D", "upper bound", "both", 0.72, { streams: 2.1 }),
    row("garcia-rgb", "Four-step distillation", "baseline", "rgb", 0.52, { streams: 2, seeds: Math.min(1, seeds) }),
  ];
  return {
    title: task === "classify" ? "Indoor objects, one modality at test" : "Indoor scenes, one modality at test",
    subtitle: "Every method with the same backbone, budget, augmentation and seeds.",
    task,
    dataset: "made-up-10",
    split: "val",
    created: "2026-11-23T12:30:00.000Z",
    command: "onestage compare made-up.json",
    settings: { epochs: 60, batch: 64, model: "tiny", lr: 0.004 },
    classes,
    rows,
    tables: [
      { title: "RGB at test", direction: "rgb", reference: "one-stage-rgb", baseline: "rgb-only", upper: "rgbd" },
      {
        title: "Depth at test",
        direction: "depth",
        reference: "one-stage-depth",
        baseline: "depth-only",
        upper: "rgbd",
      },
    ],
    missing: Array.from({ length: Math.max(0, seeds - 1) }, (_, i) => ({
      row: "garcia-rgb",
      seed: i + 1,
      command: `onestage compare made-up.json --cell garcia-rgb:${i + 1}`,
    })),
    samples: samples(task, classes, rows),
    notes: ["Settings were chosen on a part of train set aside; val was used once, for this table."],
  };
}
