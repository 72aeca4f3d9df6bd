import { describe, expect, it } from "vitest";
import { Encoder, encoderConfig, type ModelName } from "../../src/model/encoder.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { inference } from "../../src/nn/module.ts";
import { ShapeInit } from "../../src/nn/shapes.ts";

const build = (model: ModelName) => new SingleNetwork(new ShapeInit(), 3, 1000, encoderConfig(model));

describe("the ResNets", () => {
  // Figures of torchvision's models with 1000 classes.
  it.each([
    ["resnet18", 11_689_512],
    ["resnet34", 21_797_672],
    ["resnet50", 25_557_032],
  ] as const)("%s has %i parameters", (model, count) => {
    expect(build(model).parameterCount()).toBe(count);
  });

  it("has two thirds of the weights of a 3×3 convolution where it is factorised", () => {
    // In a block of C channels: 4 convolutions of 3·C² weights and C biases instead of 2 of 9·C²; the first convolution of
    // a stage has half the inputs, but not that of the first stage.
    const stages = [64, 128, 256, 512].map((c, l) => {
      const inputs = l === 0 ? c : c / 2;
      const first = [9, 3].map((taps) => taps * inputs * c);
      const rest = [3, 4, 6, 3][l]! - 1;
      return {
        square: first[0]! + 9 * c * c + rest * 18 * c * c,
        factorised: first[1]! + 9 * c * c + 4 * c + rest * (12 * c * c + 4 * c),
      };
    });
    const saved = stages.reduce((sum, { square, factorised }) => sum + square - factorised, 0);
    expect(build("resnet34-nbt1d").parameterCount()).toBe(21_797_672 - saved);
  });

  it.each(["resnet18", "resnet34", "resnet50"] as const)("%s has torchvision's names and shapes", (model) => {
    const state = new Encoder(new ShapeInit(), 3, encoderConfig(model)).state();
    const shapeOf = (name: string) => state.get(name)?.shape;
    expect(shapeOf("conv1.weight")).toEqual([7, 7, 3, 64]);
    const expansion = model === "resnet50" ? 4 : 1;
    const last = model === "resnet50" ? "conv3" : "conv2";
    expect(shapeOf(`layer3.1.${last}.weight`)!.at(-1)).toBe(256 * expansion);
    expect(shapeOf("layer4.0.downsample.0.weight")).toEqual([1, 1, 256 * expansion, 512 * expansion]);
    expect(shapeOf("layer4.0.downsample.1.running_var")).toEqual([512 * expansion]);
    expect(state.has("layer1.0.downsample.0.weight")).toBe(model === "resnet50");
    // conv1, its batch norm (4), and for each block as many of both as it has convolutions, plus the projections.
    const blocks = model === "resnet18" ? 8 : 16;
    const [convolutions, projections] = model === "resnet50" ? [3, 4] : [2, 3];
    expect(state.size).toBe(5 * (1 + blocks * convolutions + projections));
  });

  it("has ESANet's names and shapes once it is factorised", () => {
    const state = new Encoder(new ShapeInit(), 3, encoderConfig("resnet34-nbt1d")).state();
    expect(state.get("layer2.0.conv3x1_1.weight")?.shape).toEqual([3, 1, 64, 128]);
    expect(state.get("layer2.0.conv1x3_1.weight")?.shape).toEqual([1, 3, 128, 128]);
    expect(state.get("layer2.0.conv1x3_2.bias")?.shape).toEqual([128]);
    expect(state.has("layer2.0.downsample.0.weight")).toBe(true);
    expect(state.has("layer2.1.downsample.0.weight")).toBe(false);
  });

  it.each([
    ["resnet34", [64, 128, 256, 512]],
    ["resnet34-nbt1d", [64, 128, 256, 512]],
    ["resnet50", [256, 512, 1024, 2048]],
  ] as const)("%s gives maps at a quarter to a thirty-second of 480×640", (model, widths) => {
    const init = new ShapeInit();
    const encoder = new Encoder(init, 3, encoderConfig(model));
    const x = init.buffer([2, 480, 640, 3]);
    expect(encoder.stem(x, inference).shape).toEqual([2, 240, 320, 64]);
    expect(encoder.forward(x, inference).map((map) => map.shape)).toEqual(
      widths.map((width, l) => [2, 120 / 2 ** l, 160 / 2 ** l, width]),
    );
  });
});
