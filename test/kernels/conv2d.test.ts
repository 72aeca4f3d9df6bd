import { describe, expect, it } from "vitest";
import { type Conv2dAttrs, conv2d, conv2dOp } from "../../src/kernels/conv2d.ts";
import { partsOf } from "../../src/kernels/conv2d_gradients.ts";
import type { GpuDevice, Op, Shape, Tensor } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import { makeInputs, opSuite, runCase } from "./suite.ts";

const plain: Conv2dAttrs = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };

function test(x: Shape, weight: Shape, options: Partial<Conv2dAttrs> = {}, bias = false) {
  const attrs = { ...plain, ...options };
  const words = Object.entries(options).map(([name, value]) => ` ${name} ${value}`);
  return {
    name: `[${x}] with [${weight}]${words.join("")}${bias ? " and bias" : ""}`,
    inputs: bias ? [x, weight, [weight[3]!]] : [x, weight],
    attrs,
  };
}

const same3 = { padding: [1, 1] } as const;
const half3 = { padding: [1, 1], stride: [2, 2] } as const;

const zeros = (device: GpuDevice, ...shape: number[]) =>
  device.upload(new Float32Array(shape.reduce((size, extent) => size * extent, 1)), shape);
const refuse = (name: string, x: number[], weight: number[], options: object, message: RegExp, bias?: number[]) => ({
  name,
  run: (device: GpuDevice) =>
    conv2d(zeros(device, ...x), zeros(device, ...weight), bias ? zeros(device, ...bias) : null, options),
  message,
});

opSuite(conv2dOp, {
  cases: [
    test([2, 6, 6, 4], [3, 3, 4, 8], same3, true),
    // The channel counts and kernels of the networks: stems, stages, translators, shortcuts.
    test([2, 12, 12, 3], [3, 3, 3, 16], half3, true),
    test([2, 12, 12, 1], [3, 3, 1, 16], half3),
    test([1, 9, 11, 3], [7, 7, 3, 8], { stride: [2, 2], padding: [3, 3] }),
    test([2, 8, 8, 12], [3, 3, 12, 24], half3),
    test([3, 4, 4, 24], [3, 3, 24, 24], same3),
    test([2, 4, 4, 24], [1, 1, 24, 12]),
    test([2, 8, 8, 12], [1, 1, 12, 24], { stride: [2, 2] }),
    test([2, 5, 7, 12], [1, 1, 12, 24], {}, true),
    // Kernels 1, 2, 3, 5, 7, square and not, with every channel count around the vector width.
    test([1, 5, 5, 5], [1, 1, 5, 5]),
    test([2, 5, 6, 3], [2, 2, 3, 5]),
    test([2, 6, 5, 4], [2, 2, 4, 4], { stride: [2, 2] }),
    test([1, 7, 7, 17], [3, 3, 17, 12], same3),
    test([1, 7, 7, 8], [5, 5, 8, 4], { padding: [2, 2] }, true),
    test([1, 9, 9, 4], [7, 7, 4, 4], { padding: [3, 3] }),
    test([1, 6, 9, 5], [1, 3, 5, 4], { padding: [0, 1] }),
    test([1, 9, 6, 4], [3, 1, 4, 17], { padding: [1, 0] }, true),
    test([1, 8, 7, 4], [5, 2, 4, 8], { padding: [3, 1], stride: [1, 2] }),
    // Strides, paddings and dilations, also beyond the kernel.
    test([1, 10, 10, 4], [3, 3, 4, 4], { stride: [3, 3], padding: [1, 1] }),
    test([1, 10, 11, 8], [3, 3, 8, 4], { stride: [3, 2], padding: [0, 2] }),
    test([1, 9, 9, 4], [1, 1, 4, 8], { stride: [3, 3] }),
    test([1, 7, 7, 4], [2, 2, 4, 4], { stride: [3, 3], padding: [1, 1] }, true),
    test([1, 3, 3, 4], [3, 3, 4, 4], { padding: [4, 3] }),
    test([1, 9, 9, 4], [3, 3, 4, 8], { dilation: [2, 2], padding: [2, 2] }),
    test([1, 9, 10, 8], [3, 3, 8, 4], { dilation: [2, 3], stride: [2, 2], padding: [2, 3] }),
    test([1, 11, 9, 3], [3, 2, 3, 5], { dilation: [3, 2], stride: [3, 3], padding: [1, 0] }),
    test([1, 10, 10, 4], [3, 3, 4, 4], { dilation: [2, 2], stride: [4, 4], padding: [2, 2] }),
    test([1, 9, 11, 3], [3, 3, 3, 8], { dilation: [2, 2], padding: [2, 2] }, true),
    test([2, 7, 7, 1], [5, 3, 1, 12], { stride: [2, 1], padding: [1, 1] }),
    // More channels than one tile of any variant is wide.
    test([1, 4, 5, 28], [3, 3, 28, 52], same3, true),
    test([3, 7, 7, 4], [1, 1, 4, 140], {}, true),
    // Groups and depthwise.
    test([2, 5, 5, 8], [3, 3, 4, 16], { ...same3, groups: 2 }, true),
    test([2, 5, 5, 24], [3, 3, 12, 8], { ...half3, groups: 2 }),
    test([1, 5, 5, 6], [3, 3, 3, 10], { ...same3, groups: 2 }),
    test([2, 6, 6, 5], [3, 3, 1, 5], { ...same3, groups: 5 }, true),
    test([1, 6, 6, 8], [3, 3, 1, 8], { ...half3, groups: 8 }),
    test([1, 6, 6, 4], [3, 3, 1, 8], { ...same3, groups: 4 }),
    test([2, 9, 7, 12], [3, 3, 1, 12], { stride: [2, 1], dilation: [1, 2], padding: [1, 2], groups: 12 }, true),
    test([5, 7, 5, 8], [5, 1, 1, 8], { padding: [2, 0], groups: 8 }),
    test([1, 11, 10, 4], [3, 3, 1, 4], { stride: [3, 3], dilation: [2, 2], groups: 4 }),
    test([2, 7, 11, 24], [3, 1, 8, 36], { dilation: [2, 1], padding: [2, 0], groups: 3 }, true),
    test([1, 7, 5, 56], [1, 3, 28, 40], { stride: [1, 2], padding: [0, 1], groups: 2 }),
    // With an activation behind it.
    test([2, 6, 7, 8], [3, 3, 8, 12], { ...same3, activation: "relu" }, true),
    test([1, 7, 6, 3], [3, 3, 3, 8], { ...half3, activation: "relu" }, true),
    test([2, 5, 5, 6], [3, 3, 3, 10], { ...same3, groups: 2, activation: "relu" }),
    test([1, 6, 6, 8], [3, 3, 1, 8], { ...half3, groups: 8, activation: "relu" }, true),
    // Images of one pixel, one row, one column; no images at all.
    test([2, 1, 1, 8], [1, 1, 8, 4], {}, true),
    test([2, 1, 1, 4], [3, 3, 4, 4], same3),
    test([1, 1, 9, 4], [3, 3, 4, 4], same3),
    test([1, 9, 1, 12], [3, 3, 12, 1], half3),
    test([0, 4, 4, 4], [3, 3, 4, 4], same3, true),
    // Many rows: the weight gradient is summed in parts.
    test([40, 5, 5, 4], [3, 3, 4, 4], same3, true),
    test([3, 13, 11, 3], [3, 3, 3, 8], { padding: [1, 1], dilation: [1, 2] }),
    test([33, 2, 2, 8], [3, 3, 8, 8], same3),
    test([70, 1, 3, 8], [1, 1, 8, 4], { stride: [1, 2] }),
    test([7, 11, 13, 8], [3, 3, 1, 8], { ...same3, groups: 8 }),
  ],
  bad: [
    refuse("an unequal channel count", [1, 4, 4, 3], [3, 3, 4, 8], {}, /weight with 3 channels .* got \[3,3,4,8\]/),
    refuse(
      "groups that do not divide the channels",
      [1, 4, 4, 3],
      [3, 3, 1, 8],
      { groups: 2 },
      /channels divisible by 2 groups, got 3/,
    ),
    refuse(
      "groups that do not divide the filters",
      [1, 4, 4, 4],
      [3, 3, 2, 5],
      { groups: 2 },
      /filters divisible by 2 groups, got 5/,
    ),
    refuse(
      "an activation it does not have",
      [1, 4, 4, 4],
      [3, 3, 4, 4],
      { activation: "tanh" },
      /none or relu as activation, got tanh/,
    ),
    refuse("no groups", [1, 4, 4, 4], [3, 3, 4, 4], { groups: 0 }, /groups of at least 1, got 0/),
    refuse(
      "a kernel larger than the padded input",
      [1, 3, 5, 4],
      [6, 3, 4, 4],
      { padding: 1 },
      /padded input of 5×7, got 6×3/,
    ),
    refuse(
      "a dilated kernel larger than the input",
      [1, 4, 4, 4],
      [3, 3, 4, 4],
      { dilation: 2 },
      /padded input of 4×4, got 5×5/,
    ),
    refuse(
      "a negative padding",
      [1, 4, 4, 4],
      [3, 3, 4, 4],
      { padding: [0, -1] },
      /padding of two integers of at least 0, got \[0,-1\]/,
    ),
    refuse(
      "a stride of 0",
      [1, 4, 4, 4],
      [3, 3, 4, 4],
      { stride: 0 },
      /stride of two integers of at least 1, got \[0,0\]/,
    ),
    refuse("a fractional dilation", [1, 4, 4, 4], [3, 3, 4, 4], { dilation: 1.5 }, /dilation of two integers/),
    refuse(
      "an image without batch axis",
      [4, 4, 4],
      [3, 3, 4, 4],
      {},
      /x \[batch, height, width, channels\], got \[4,4,4\]/,
    ),
    refuse("a flat weight", [1, 4, 4, 4], [36, 4], {}, /weight \[kernel height, .* got \[36,4\]/),
    refuse("a bias of another length", [1, 4, 4, 4], [3, 3, 4, 8], {}, /bias \[8\], got \[4\]/, [4]),
  ],
  ulp: (_attrs, [, weight]) => 2 * weight![0]! * weight![1]! * weight![2]!,
  scale: 1,
  families: ["conv2d", "conv2d_dx", "conv2d_dw"],
});

describe("conv2d by Winograd", () => {
  it("does a batch whose transforms outgrow the scratch memory in parts", async () => {
    const device = await testDevice();
    const images = makeInputs([
      [3, 256, 256, 16],
      [3, 3, 16, 16],
    ]);
    const [x, weight] = images.data.map(({ data, shape }) => device.upload(data, shape)) as [Tensor, Tensor];
    const results: Float32Array[] = [];
    for (const variant of ["winograd", "registers"]) {
      device.pinned.set("conv2d", variant);
      const y = conv2d(x, weight, null, { padding: 1 });
      device.pinned.clear();
      results.push((await y.read()) as Float32Array);
      y.dispose();
    }
    x.dispose();
    weight.dispose();
    const [got, want] = results as [Float32Array, Float32Array];
    // Values are around 2.3; both variants round sums of 144 products.
    const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(2e-5);
  });
});

describe("conv2d in f16", () => {
  it("keeps the gradients of weight and bias in f32", async (context) => {
    const device = await testDevice();
    if (!device.gpu.features.has("shader-f16")) context.skip("the adapter has no shader-f16");
    const { name, inputs, attrs } = test([40, 5, 5, 4], [3, 3, 4, 4], same3, true);
    const { halves } = await runCase(device, conv2dOp as Op, { name, inputs, attrs }, true);
    expect(halves).toEqual([true, true, false, false]);
  });
});

it.each([16, 64, 1024])(
  "the tiles of a depthwise weight gradient of %d channels fit a dispatch on any GPU",
  (channels) => {
    const gpu = { adapter: { software: false } } as GpuDevice;
    const [n, h, w] = [16, 128, 128];
    const ones = { sh: 1, sw: 1, ph: 1, pw: 1, dh: 1, dw: 1 };
    const geometry = { n, h, w, c: channels, oh: h, ow: w, k: channels, kh: 3, kw: 3, ...ones, groups: channels };
    const tiles = channels * partsOf(gpu, geometry);
    expect(tiles).toBeGreaterThan(1000);
    expect(tiles).toBeLessThanOrEqual(65535);
  },
);
