import { beforeAll, describe, expect, it } from "vitest";
import { Encoder, type EncoderConfig, encoderConfig, type ModelName } from "../../src/model/encoder.ts";
import { fits, loadPretrained, matchPretrained } from "../../src/model/pretrained.ts";
import { Init, inference, type Stored } from "../../src/nn/module.ts";
import { ShapeInit } from "../../src/nn/shapes.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";
import { torchvisionShapes } from "./torchvision.ts";

const listOf = (shapes: ReadonlyMap<string, number[]>) =>
  new Map([...shapes].map(([name, shape]) => [name, { shape }] as const));
const matched = (model: ModelName, inputs: number, file: ReadonlyMap<string, { shape: number[] }>) =>
  matchPretrained(new Encoder(new ShapeInit(), inputs, encoderConfig(model)), file);

describe("torchvision's files", () => {
  it.each([
    ["resnet18", 122],
    ["resnet34", 218],
    ["resnet50", 320],
  ] as const)("%s: %i tensors, all in their places", (model, count) => {
    const file = listOf(torchvisionShapes(encoderConfig(model), 1000));
    expect(file.size).toBe(count);
    const report = matched(model, 3, file);
    expect(report).toMatchObject({ missing: [], different: [], leftOver: [], summed: [] });
    expect(fits(report)).toBe(true);
    expect(report.matched.length + report.ignored.length).toBe(count);
    expect(report.ignored.filter((name) => !name.endsWith("num_batches_tracked"))).toEqual(["fc.weight", "fc.bias"]);
    expect(matched(model, 1, file)).toMatchObject({ summed: ["conv1.weight"], matched: report.matched });
  });

  it("do not fit another encoder, even one whose tensors they contain", () => {
    const file = listOf(torchvisionShapes(encoderConfig("resnet34"), 1000));
    const smaller = matched("resnet18", 3, file);
    expect(smaller).toMatchObject({ missing: [], different: [] });
    expect(smaller.leftOver).toContain("layer1.2.conv1.weight");
    expect(fits(smaller)).toBe(false);
    const larger = matched("resnet50", 3, file);
    expect(larger.missing).toContain("layer1.0.conv3.weight");
    expect(larger.different).toContainEqual({
      ...{ name: "layer2.0.downsample.0.weight", expected: [512, 256, 1, 1], got: [128, 64, 1, 1] },
    });
    expect(fits(larger)).toBe(false);
    // Another stem, and a block that torchvision does not have.
    const se = matched("resnet18-se", 3, listOf(torchvisionShapes(encoderConfig("resnet18"), 10)));
    expect(se.different).toEqual([{ name: "conv1.weight", expected: [64, 3, 3, 3], got: [64, 3, 7, 7] }]);
    expect(se.missing).toEqual(["se.fc1.weight", "se.fc1.bias", "se.fc2.weight", "se.fc2.bias"]);
  });

  it("of one channel do not fit an encoder of three", () => {
    const file = listOf(torchvisionShapes(encoderConfig("resnet18"), 10)).set("conv1.weight", { shape: [64, 1, 7, 7] });
    expect(matched("resnet18", 1, file)).toMatchObject({ summed: [], different: [] });
    expect(matched("resnet18", 3, file).different).toEqual([
      { name: "conv1.weight", expected: [64, 3, 7, 7], got: [64, 1, 7, 7] },
    ]);
  });
});

describe("loadPretrained", () => {
  const config: EncoderConfig = {
    ...{ stem: 6, kernel: 7, pool: 3, widths: [8, 12], blocks: [2, 1] },
    block: "bottleneck",
    decoder: { context: 12, widths: [8], blocks: 1, doublings: 2 },
  };
  const rng = new Rng(4, "file");
  const file = new Map<string, Stored>();
  for (const [name, shape] of torchvisionShapes(config, 5)) {
    const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
    rng.fillUniform(data, name.endsWith("running_var") ? 0.5 : -0.5, 1.5);
    file.set(name, { shape, data });
  }
  let device: GpuDevice;
  beforeAll(async () => {
    device = await testDevice();
  });
  const fresh = (inputs: number) => new Encoder(new Init(device, new Rng(1)), inputs, config);

  it("puts every number in its place, in PyTorch's layout", async () => {
    const encoder = fresh(3);
    const report = loadPretrained(encoder, file, "made");
    const state = await encoder.stateDict();
    expect([...state.keys()].sort()).toEqual([...report.matched].sort());
    for (const [name, { shape, data }] of state) {
      expect([...shape], name).toEqual(file.get(name)!.shape);
      expect(data, name).toEqual(file.get(name)!.data);
    }
    encoder.dispose();
  });

  it("an encoder of one channel answers as that of three does to a grey image", async () => {
    const [colour, depth] = [fresh(3), fresh(1)];
    loadPretrained(colour, file, "made");
    expect(loadPretrained(depth, file, "made").summed).toEqual(["conv1.weight"]);
    const grey = new Float32Array(16 * 16);
    new Rng(9).fillNormal(grey);
    const last = (encoder: Encoder, channels: number) => {
      const image = Float32Array.from({ length: channels * 256 }, (_, i) => grey[Math.floor(i / channels)]!);
      const x = device.upload(image, [1, 16, 16, channels]);
      return scope(() => noGrad(() => encoder.forward(x, inference).at(-1)!)).read();
    };
    const [expected, got] = [await last(colour, 3), await last(depth, 1)];
    const size = Math.max(...expected.map(Math.abs));
    expect(size).toBeGreaterThan(0);
    for (const [i, value] of got.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * size);
    colour.dispose();
    depth.dispose();
  });

  it("overwrites nothing when the file does not fit, and says what is wrong", async () => {
    const encoder = fresh(3);
    const before = await encoder.conv1.weight.read();
    const broken = new Map(file);
    broken.delete("layer2.0.bn3.bias");
    broken.set("bn1.weight", { shape: [7], data: new Float32Array(7) });
    broken.set("layer3.0.conv1.weight", { shape: [1], data: new Float32Array(1) });
    expect(() => loadPretrained(encoder, broken, "made")).toThrow(
      "made: expected the tensors of the encoder, by torchvision's names, got 1 missing (layer2.0.bn3.bias), " +
        "1 of another shape (bn1.weight [7] for [6]), 1 left over (layer3.0.conv1.weight)",
    );
    expect(await encoder.conv1.weight.read()).toEqual(before);
    encoder.dispose();
  });
});
