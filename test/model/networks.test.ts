import { describe, expect, it } from "vitest";
import { average } from "../../src/kernels/binary.ts";
import { resize } from "../../src/kernels/resize.ts";
import { encoderConfig, type ModelName } from "../../src/model/encoder.ts";
import { type FusionName, fusionNames } from "../../src/model/fusion.ts";
import { OneStageNetwork, type RunOptions } from "../../src/model/onestage.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { alignedWidths, type Task } from "../../src/model/task.ts";
import { Upsample } from "../../src/model/upsample.ts";
import { Init, inference, type Pass } from "../../src/nn/module.ts";
import { ShapeInit } from "../../src/nn/shapes.ts";
import { Rng } from "../../src/tensor/rng.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { OracleDevice, valuesOf } from "../oracle/device.ts";
import { smallEncoder } from "./small.ts";

const classes = 40;

/** Shapes without the number of images. */
const shapes = (tensors: readonly Tensor[]) => tensors.map(({ shape }) => shape.slice(1));

describe("the segmentation network", () => {
  it.each([
    ["resnet34", 480, 640, [128, 256]],
    ["resnet34-nbt1d", 480, 640, [128, 256]],
    ["resnet50", 480, 640, [512, 1024]],
    ["resnet18", 480, 640, [128, 256]],
  ] as const)("%s on %i×%i has method.md's shapes", (model, height, width, widths) => {
    const init = new ShapeInit();
    const network = new SingleNetwork(init, 1, classes, encoderConfig(model), "segment");
    const { scores, features } = network.forward(init.buffer([2, height, width, 1]), inference);
    expect(shapes(scores)).toEqual([
      [480, 640, classes],
      [60, 80, classes],
      [30, 40, classes],
      [15, 20, classes],
    ]);
    expect(shapes(features)).toEqual([
      [60, 80, widths[0]],
      [30, 40, widths[1]],
      [15, 20, 512],
    ]);
    expect(alignedWidths("segment", encoderConfig(model))).toEqual(features.map((map) => map.shape[3]));
  });

  // Scales as "height×width", from extents where a half is rounded up by a stride and down by the pooling of tiny.
  it.each([
    ["tiny", 120, 160, "60×80 15×20 8×10"],
    ["tiny", 22, 27, "11×14 3×4 2×2"],
    ["resnet18", 33, 64, "33×64 5×8 3×4 2×2"],
  ] as const)("%s on %i×%i scores %s", (model, height, width, scales) => {
    const init = new ShapeInit();
    const network = new SingleNetwork(init, 3, classes, encoderConfig(model), "segment");
    const { scores } = network.forward(init.buffer([1, height, width, 3]), inference);
    expect(shapes(scores)).toEqual(scales.split(" ").map((scale) => [...scale.split("×").map(Number), classes]));
  });

  it("has few weights where the model is tiny, and about four times as many where it is small", () => {
    const build = (model: ModelName) =>
      new SingleNetwork(new ShapeInit(), 3, classes, encoderConfig(model), "segment").parameterCount();
    expect(build("tiny")).toBeLessThan(400_000);
    expect(build("small") / build("tiny")).toBeCloseTo(4, 0);
    expect(build("resnet34")).toBeGreaterThan(30_000_000);
  });
});

it("begins to upsample as bilinear interpolation does, but for the border", () => {
  const device = new OracleDevice();
  const up = new Upsample(new Init(device, new Rng(1)), 3);
  const rng = new Rng(2);
  const x = device.upload(
    Float64Array.from({ length: 4 * 5 * 3 }, () => rng.uniform(-1, 1)),
    [1, 4, 5, 3],
    "f32",
  );
  const [height, width] = [8, 10];
  const learned = valuesOf(up.forward(x, { height, width }));
  const bilinear = valuesOf(resize(x, { height, width, mode: "bilinear" }));
  let inner = 0;
  for (const [i, value] of learned.entries()) {
    const [row, column] = [Math.floor(i / 3 / width), Math.floor(i / 3) % width];
    if (row === 0 || column === 0 || row === height - 1 || column === width - 1) continue;
    expect(value).toBeCloseTo(bilinear[i]!, 12);
    inner++;
  }
  expect(inner).toBe(6 * 8 * 3);
});

const encoder = smallEncoder;
const training: Pass = { training: true, seed: () => 1 };

/** A small two-stream network in float64 with two images for each stream. */
function twoStreams(fusionBlock: FusionName, { task = "classify" as Task, hallucination = true } = {}) {
  const device = new OracleDevice();
  const config = { task, encoder, classes: 3, available: 3, others: [3], fusion: "full", fusionBlock } as const;
  const network = new OneStageNetwork(new Init(device, new Rng(4)), { ...config, normalise: true, hallucination });
  const image = (name: string) => {
    const rng = new Rng(5, name);
    return device.upload(
      Float64Array.from({ length: 2 * 16 * 16 * 3 }, () => rng.uniform(-1, 1)),
      [2, 16, 16, 3],
      "f32",
    );
  };
  const [x, second] = [image("x"), image("second")];
  return {
    device,
    network,
    x,
    second,
    run: (gates?: RunOptions, h = second) => network.forward(x, [h], inference, gates),
  };
}

const finest = (scores: readonly Tensor[]) => [...valuesOf(scores[0]!)];

describe.each(fusionNames)("fusion by %s", (block) => {
  it.each(["classify", "segment"] as const)("gives the scores to %s", (task) => {
    const { run } = twoStreams(block, { task });
    const { scores, restored, fused, translated } = run();
    const { scores: hallucinated, features } = restored[0]!;
    const [single, second] = [task === "classify" ? [2, 3] : [2, 16, 16, 3], hallucinated!];
    expect(scores[0]!.shape).toEqual(single);
    expect(second.map(({ shape }) => shape)).toEqual(scores.map(({ shape }) => shape));
    expect(features.map(({ shape }) => shape)).toEqual(fused.features.map(({ shape }) => shape));
    expect(features.map(({ shape }) => shape[3])).toEqual(alignedWidths(task, encoder));
    // The stem and three stages.
    expect(translated.length).toBe(block.startsWith("ctn") ? 4 : 0);
    expect(finest(scores).every(Number.isFinite)).toBe(true);
  });

  it("sees the second stream, but not through a closed gate; and the second stream does not see the first", () => {
    const { run, x } = twoStreams(block);
    const [open, closed] = [run(), run({ others: [0] })];
    expect(finest(run({}, x).scores)).not.toEqual(finest(open.scores));
    expect(finest(run({ others: [0] }, x).scores)).toEqual(finest(closed.scores));
    expect(finest(closed.restored[0]!.scores!)).toEqual(finest(open.restored[0]!.scores!));
    expect(finest(run({ available: 0 }).restored[0]!.scores!)).toEqual(finest(open.restored[0]!.scores!));
  });

  it("takes a gate for each image", () => {
    const { device, run } = twoStreams(block);
    const gate = device.upload([0, 1], [2, 1, 1, 1], "f32");
    const rows = (gates: RunOptions) => finest(run(gates).scores);
    expect(rows({ available: gate })).toEqual([...rows({ available: 0 }).slice(0, 3), ...rows({}).slice(3)]);
  });

  it("predicts the same without the hallucination head", () => {
    const { run } = twoStreams(block);
    const { scores, restored } = run({ fusedOnly: true });
    expect(restored[0]!.scores).toBe(null);
    expect(finest(scores)).toEqual(finest(run().scores));
  });

  it("fuses two modalities without a hallucination head", () => {
    const { run } = twoStreams(block, { hallucination: false });
    const { scores, restored } = run();
    expect(restored[0]!.scores).toBe(null);
    expect(finest(scores)).not.toEqual(finest(run({ others: [0] }).scores));
  });
});

it("averages both streams' scores where it fuses logits", () => {
  const { network, x, second, run } = twoStreams("logits");
  const [a] = network.headF.forward(network.a.forward(x, inference), x, inference).scores;
  const [h] = network.headH!.forward(network.h.forward(second, inference), second, inference).scores;
  expect(finest(run().scores)).toEqual([...valuesOf(average(a!, h!))]);
});

it("gives each modality its own translators where they are not shared", () => {
  const count = (block: FusionName) => twoStreams(block).network.parameterCount();
  // One more convolution C → C with bias at each level.
  const more = [4, 6, 8, 10].reduce((sum, c) => sum + c * c + c, 0);
  expect(count("ctn-unshared") - count("ctn")).toBe(more);
});

it("runs a frozen second stream as for inference", () => {
  const { network, x, second, run } = twoStreams("ctn");
  const output = network.forward(x, [second], training, { othersPass: inference });
  expect(finest(output.restored[0]!.scores!)).toEqual(finest(run().restored[0]!.scores!));
  expect(finest(output.scores)).not.toEqual(finest(run().scores));
});

it("has no stage behind the last fusion that nothing needs", () => {
  const config = { encoder, classes: 3, available: 3, others: [1], fusion: "mid", normalise: true } as const;
  const build = (hallucination: boolean) => new OneStageNetwork(new ShapeInit(), { ...config, hallucination });
  const hasStage = (network: OneStageNetwork, stage: number) =>
    [...network.state().keys()].some((name) => name.startsWith(`h.layer${stage}.`));
  expect([2, 3].map((stage) => hasStage(build(false), stage))).toEqual([true, false]);
  expect([2, 3].map((stage) => hasStage(build(true), stage))).toEqual([true, true]);
});
