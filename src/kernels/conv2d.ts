import type { GpuDevice } from "../tensor/device.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, type Shape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { forwardFamily } from "./conv2d_forward.ts";
import { inputGradient, weightGradient } from "./conv2d_gradients.ts";
import type { Geometry } from "./conv2d_kernels.ts";
import { reduceMiddle } from "./reduce.ts";
import { reluGradient } from "./unary.ts";

/** Attributes of a convolution, pairs as [vertical, horizontal]. */
export interface Conv2dAttrs {
  stride: readonly [number, number];
  padding: readonly [number, number];
  dilation: readonly [number, number];
  groups: number;
  /** What the outputs pass through in the same kernel; none by default. */
  activation?: "none" | "relu";
}

/** Options of conv2d: one number stands for both directions. */
export interface Conv2dOptions {
  stride?: number | readonly [number, number];
  padding?: number | readonly [number, number];
  dilation?: number | readonly [number, number];
  groups?: number;
  activation?: "none" | "relu";
}

function geometryOf(x: Shape, weight: Shape, attrs: Conv2dAttrs): Geometry {
  const [n, h, w, c] = x as [number, number, number, number];
  const [kh, kw, , k] = weight as [number, number, number, number];
  const { stride, padding, dilation, groups } = attrs;
  const [[sh, sw], [ph, pw], [dh, dw]] = [stride, padding, dilation];
  const oh = Math.floor((h + 2 * ph - dh * (kh - 1) - 1) / sh) + 1;
  const ow = Math.floor((w + 2 * pw - dw * (kw - 1) - 1) / sw) + 1;
  return { n, h, w, c, oh, ow, k, kh, kw, sh, sw, ph, pw, dh, dw, groups };
}

function checkAttrs({ stride, padding, dilation, groups, activation = "none" }: Conv2dAttrs): void {
  const pair = (name: string, values: readonly number[], least: number) =>
    expect(
      values.length === 2 && values.every((value) => Number.isInteger(value) && value >= least),
      "conv2d",
      `${name} of two integers of at least ${least}`,
      showShape(values),
    );
  pair("stride", stride, 1);
  pair("padding", padding, 0);
  pair("dilation", dilation, 1);
  expect(Number.isInteger(groups) && groups >= 1, "conv2d", "groups of at least 1", String(groups));
  expect(["none", "relu"].includes(activation), "conv2d", "none or relu as activation", activation);
}

/** The convolution as an op: inputs x, weight and, if any, bias; gradients of weight and bias are f32 always. */
export const conv2dOp = defineOp<Conv2dAttrs>({
  name: "conv2d",
  elements: [0, 1],
  shape([x, weight, bias], attrs) {
    checkAttrs(attrs);
    const { groups } = attrs;
    expect(x!.shape.length === 4, "conv2d", "x [batch, height, width, channels]", showShape(x!.shape));
    const layout = "weight [kernel height, kernel width, channels / groups, filters]";
    expect(weight!.shape.length === 4, "conv2d", layout, showShape(weight!.shape));
    const g = geometryOf(x!.shape, weight!.shape, attrs);
    expect(g.c % groups === 0, "conv2d", `channels divisible by ${groups} groups`, String(g.c));
    expect(g.k % groups === 0, "conv2d", `filters divisible by ${groups} groups`, String(g.k));
    expect(
      weight!.shape[2] === g.c / groups,
      "conv2d",
      `weight with ${g.c / groups} channels (x ${showShape(x!.shape)}, ${groups} groups)`,
      showShape(weight!.shape),
    );
    expect(g.kh > 0 && g.kw > 0, "conv2d", "a kernel of at least 1×1", `${g.kh}×${g.kw}`);
    expect(
      g.oh > 0 && g.ow > 0,
      "conv2d",
      `a kernel that fits into the padded input of ${g.h + 2 * g.ph}×${g.w + 2 * g.pw}`,
      `${g.dh * (g.kh - 1) + 1}×${g.dw * (g.kw - 1) + 1}`,
    );
    if (bias)
      expect(bias.shape.length === 1 && bias.shape[0] === g.k, "conv2d", `bias [${g.k}]`, showShape(bias.shape));
    return [g.n, g.oh, g.ow, g.k];
  },
  forward(device, [x, weight, bias], attrs, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "conv2d", x!.dtype);
    const relu = Number(attrs.activation === "relu");
    const values = { ...geometryOf(x!.shape, weight!.shape, attrs), bias: bias ? 1 : 0, relu, parts: 1 };
    // Without a bias something must be bound all the same; it is not read.
    const tensors = { x: x!, w: weight!, bias: bias ?? weight!, y };
    if (y.size > 0) forwardFamily.run(gpu, { tensors, values });
    return y;
  },
  vjp(device, { inputs, output, attrs }, dy, needs) {
    const gpu = device as GpuDevice;
    const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor?];
    const geometry = geometryOf(x.shape, weight.shape, attrs);
    // The gradient in front of the activation.
    const g = attrs.activation === "relu" ? reluGradient(gpu, output, dy) : dy;
    const gradients = [
      needs[0] ? inputGradient(gpu, x.shape, weight, g, geometry) : null,
      needs[1] ? weightGradient(gpu, x, weight.shape, g, geometry) : null,
      ...(bias ? [needs[2] ? channelSums(gpu, g) : null] : []),
    ];
    if (g !== dy) g.dispose();
    return gradients;
  },
});

function channelSums(gpu: GpuDevice, dy: Tensor): Tensor {
  const channels = dy.shape[3]!;
  return reduceMiddle(gpu, dy, [1, dy.size / channels, channels], "sum");
}

/**
 * Cross-correlation of x [n,h,w,c] with weight [kh,kw,c/groups,k] plus bias [k], then the activation: [n,oh,ow,k] with
 * oh = ⌊(h + 2·padding - dilation·(kh-1) - 1) / stride⌋ + 1. Where x and weight are f16, so is the result; sums and bias are f32.
 * @throws ShapeError if shapes, options and groups do not fit together.
 */
export function conv2d(x: Tensor, weight: Tensor, bias: Tensor | null, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1, activation = "none" } = options;
  const pair = (value: number | readonly [number, number]) =>
    typeof value === "number" ? ([value, value] as const) : value;
  const attrs = { stride: pair(stride), padding: pair(padding), dilation: pair(dilation), groups, activation };
  return conv2dOp.apply(bias ? [x, weight, bias] : [x, weight], attrs);
}
