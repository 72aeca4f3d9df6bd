import { expect, it } from "vitest";
import { makeBatch } from "../../src/data/batch.ts";
import type { Dataset } from "../../src/data/sample.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { encoderConfig } from "../../src/model/encoder.ts";
import { evaluate, predictMaps } from "../../src/model/evaluate.ts";
import { buildMethod, type MethodName, type NetworkConfig, predict } from "../../src/model/methods.ts";
import { argmax, type SegmentationMetrics, softmaxRow } from "../../src/model/metrics.ts";
import { segmentationWeights } from "../../src/model/objective.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { defaultTraining, Trainer, upload } from "../../src/model/train.ts";
import { Init, inference } from "../../src/nn/module.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const scale = { mean: 4, std: 2 };
const size = 8;

function configFor(dataset: Dataset, online = false): NetworkConfig {
  const shape = { task: "segment", model: "tiny", normalise: true, weights: segmentationWeights } as const;
  const classes = dataset.labels.length;
  return online
    ? { ...shape, classes, fusion: "mid", privileged: "online" }
    : { ...shape, classes, fusion: "deep", privileged: "frozen" };
}

function batchOf(dataset: Dataset, step: number) {
  const count = dataset.size("train");
  const indices = Array.from({ length: size }, (_, i) => (size * step + i) % count);
  return makeBatch(dataset, "train", indices, scale, null, "segment");
}

function setUp(device: GpuDevice, dataset: Dataset, name: MethodName, steps: number) {
  const rng = new Rng(4);
  const config = configFor(dataset, name === "one-stage-depth");
  const privileged = buildMethod("privileged-depth", device, rng.fork("p"), config);
  const method = buildMethod(name, device, rng.fork("network"), config, { privileged });
  const trainer = new Trainer(device, method, defaultTraining(steps), rng.fork("train"));
  const close = () => {
    trainer.dispose();
    for (const module of method.trained.values()) module.dispose();
    privileged.network.dispose();
  };
  return { method, trainer, close };
}

it.each(["depth-only", "one-stage-rgb", "one-stage-depth", "rgbd"] as const)(
  "%s learns the pixels of scenes",
  async (name) => {
    const device = await testDevice();
    const dataset = sceneDataset({ seed: 5, width: 32, height: 32, train: 32, val: 8, test: 8 });
    const { method, trainer, close } = setUp(device, dataset, name, 20);
    const judge = async () =>
      (await evaluate(device, method, [batchOf(dataset, 0)], dataset.labels.length)).metrics as SegmentationMetrics;
    const first = await trainer.step(batchOf(dataset, 0));
    let last = first;
    for (let step = 1; step < 20; step++) last = await trainer.step(batchOf(dataset, step));
    expect(last.losses.task!).toBeLessThan(0.6 * first.losses.task!);
    expect(last.correct / last.size).toBeGreaterThan(first.correct / first.size + 0.1);
    const { top1, miou, samples } = await judge();
    expect(samples).toBe(size);
    expect(top1).toBeGreaterThan(0.5);
    expect(miou).toBeGreaterThan(1.5 / dataset.labels.length);
    close();
  },
);

it("scores every pixel of images whose extents are odd at every stage", async () => {
  const device = await testDevice();
  const dataset = sceneDataset({ seed: 1, width: 27, height: 22, train: 2, val: 1, test: 1 });
  const classes = dataset.labels.length;
  const network = new SingleNetwork(new Init(device, new Rng(1)), 3, classes, encoderConfig("tiny"), "segment");
  const host = makeBatch(dataset, "train", [0, 1], scale, null, "segment");
  const scores = scope(() => {
    const batch = upload(device, host);
    return noGrad(() => network.forward(batch.rgb!, inference).scores);
  });
  expect(scores.map((map) => map.shape)).toEqual([
    [2, 11, 14, classes],
    [2, 3, 4, classes],
    [2, 2, 2, classes],
  ]);
  for (const map of scores) expect(((await map.read()) as Float32Array).every(Number.isFinite)).toBe(true);
  for (const map of scores) map.dispose();
  network.dispose();
});

it("predicts label maps by one head and by the mean of both, and leaves no buffer behind", async () => {
  const device = await testDevice();
  const dataset = sceneDataset({ seed: 2, width: 20, height: 12, train: 4, val: 1, test: 1 });
  const classes = dataset.labels.length;
  const method = buildMethod("one-stage-rgb", device, new Rng(3), configFor(dataset));
  const host = makeBatch(dataset, "train", [0, 1, 2], scale, null, "segment");
  host.target.fill(255, 0, 50);
  const before = device.pool.memory().liveBuffers;
  const { fused, averaged } = await predictMaps(device, method, host);
  expect(device.pool.memory().liveBuffers).toBe(before);

  const batch = upload(device, host);
  const { logits, hallucinated, restored } = predict(method, batch);
  expect(logits.shape).toEqual([3, 12, 20, classes]);
  const heads = await Promise.all([logits, hallucinated!].map((head) => head.read()));
  for (const tensor of [...Object.values(batch), logits, hallucinated, restored]) tensor?.dispose();
  const chances = heads.map((scores) => Array.from(host.target, (_, pixel) => softmaxRow(scores, pixel, classes)));
  const mean = chances[0]!.map((row, pixel) => row.map((p, k) => (p + chances[1]![pixel]![k]!) / 2));
  for (const [{ labels, nll }, probabilities] of [
    [fused, chances[0]!],
    [averaged!, mean],
  ] as const) {
    expect([...labels]).toEqual(probabilities.map(argmax));
    const known = probabilities.filter((_, pixel) => host.target[pixel] !== 255);
    const truth = host.target.filter((label) => label !== 255);
    const expected = known.reduce((sum, row, i) => sum - Math.log(row[truth[i]!]!), 0) / known.length;
    expect(nll).toBeCloseTo(expected, 4);
  }
  method.network.dispose();
});

it("takes nothing from pixels that do not count", async () => {
  const device = await testDevice();
  const dataset = sceneDataset({ seed: 3, width: 16, height: 16, train: size, val: 1, test: 1 });
  const { trainer, close } = setUp(device, dataset, "rgb-only", 2);
  const host = batchOf(dataset, 0);
  host.target.fill(255);
  const report = await trainer.step(host);
  expect(report.losses.task).toBe(0);
  expect(report.correct).toBe(0);
  expect(report.gradientNorm).toBe(0);
  expect(report.skipped).toBe(false);
  close();
});
