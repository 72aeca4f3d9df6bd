import avgSource from "../../shaders/avg_pool.wgsl";
import avgDxSource from "../../shaders/avg_pool_dx.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import pixelLib from "../../shaders/lib/pixel.wgsl";
import windowLib from "../../shaders/lib/window.wgsl";
import windowDxLib from "../../shaders/lib/window_dx.wgsl";
import maxSource from "../../shaders/max_pool.wgsl";
import maxDxSource from "../../shaders/max_pool_dx.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, type Shape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convert } from "./cast.ts";
import { pixelThreads } from "./pixels.ts";
import { reduceMiddle } from "./reduce.ts";
import { defineWidths, runWidest } from "./widths.ts";

const include = [gridLib, pixelLib];
const geometry = {
  height: "u32",
  width: "u32",
  channels: "u32",
  out_height: "u32",
  out_width: "u32",
  kernel_y: "u32",
  kernel_x: "u32",
  stride_y: "u32",
  stride_x: "u32",
  padding_y: "u32",
  padding_x: "u32",
} as const;
const params = { n: "u32", ...geometry } as const;

const maxKernel = defineWidths({
  name: "max_pool",
  source: maxSource,
  include: [pixelLib, windowLib],
  bindings: { x: "read", y: "write", winner: "write" },
  elements: ["x", "y"],
  params: { images: "u32", ...geometry },
  // A comparison or an addition for each place of the window.
  cost: ({ y }, { kernel_y, kernel_x }) => ({ flops: y.size * kernel_y * kernel_x }),
});

const maxDxKernel = defineWidths({
  name: "max_pool_dx",
  source: maxDxSource,
  include: [pixelLib, windowDxLib],
  bindings: { dy: "read", winner: "read", dx: "write" },
  elements: ["dy", "dx"],
  params: { images: "u32", ...geometry },
});

const avgKernel = defineKernel({
  name: "avg_pool",
  source: avgSource,
  include: [...include, windowLib],
  bindings: { x: "read", y: "write" },
  elements: ["x", "y"],
  params,
  cost: ({ y }, { kernel_y, kernel_x }) => ({ flops: y.size * kernel_y * kernel_x }),
});

const avgDxKernel = defineKernel({
  name: "avg_pool_dx",
  source: avgDxSource,
  include: [...include, windowDxLib],
  bindings: { dy: "read", dx: "write" },
  elements: ["dy", "dx"],
  params,
  cost: ({ dy }, { kernel_y, kernel_x }) => ({ flops: dy.size * kernel_y * kernel_x }),
});

type Pair = readonly [number, number];

/** Windows of a pooling op, each pair as [vertical, horizontal]. */
export interface PoolAttrs {
  kernel: Pair;
  stride: Pair;
  padding: Pair;
}

/** Windows as callers write them: one number for both directions; the stride is the kernel, the padding 0 where left out. */
export interface PoolOptions {
  kernel: number | Pair;
  stride?: number | Pair;
  padding?: number | Pair;
}

function poolShape(op: string, x: Shape, { kernel, stride, padding }: PoolAttrs): Shape {
  expect(x.length === 4, op, "x[N,H,W,C]", showShape(x));
  const [batch, height, width, channels] = x as [number, number, number, number];
  const extents = [height, width].map((extent, axis) => {
    const [k, s, pad] = [kernel[axis]!, stride[axis]!, padding[axis]!];
    expect(Number.isInteger(k) && k >= 1, op, "a kernel of at least 1", showShape(kernel));
    expect(Number.isInteger(s) && s >= 1, op, "a stride of at least 1", showShape(stride));
    // With more, a window could lie wholly on the padding.
    expect(
      Number.isInteger(pad) && pad >= 0 && 2 * pad <= k,
      op,
      `a padding of at most half the kernel ${showShape(kernel)}`,
      showShape(padding),
    );
    expect(
      extent > 0 && extent + 2 * pad >= k,
      op,
      `an image that holds the kernel ${showShape(kernel)} with padding ${showShape(padding)}`,
      showShape(x),
    );
    return Math.floor((extent + 2 * pad - k) / s) + 1;
  });
  return [batch, ...extents, channels];
}

/** Kernel parameters for threads that walk the pixels of `over`, which is x or y. */
function windowParams(x: Shape, y: Shape, over: Shape, { kernel, stride, padding }: PoolAttrs) {
  return {
    n: pixelThreads(over),
    height: x[1]!,
    width: x[2]!,
    channels: x[3]!,
    out_height: y[1]!,
    out_width: y[2]!,
    kernel_y: kernel[0],
    kernel_x: kernel[1],
    stride_y: stride[0],
    stride_x: stride[1],
    padding_y: padding[0],
    padding_x: padding[1],
  };
}

/** The same for the kernels of either width: a thread does eight Vs of one pixel of `over` (shaders/lib/pixel.wgsl). */
function maxJob(x: Shape, y: Shape, over: Shape, attrs: PoolAttrs) {
  const { n: _, ...rest } = windowParams(x, y, over, attrs);
  const [images, height, width] = over as [number, number, number];
  const params = { images, ...rest };
  return { params, along: ["channels"] as const, block: 8, times: images * height * width };
}

/** The gradient of a mean over windows: x's shape and dy's (seen as four axes) with these windows. */
function meanGradient(gpu: GpuDevice, op: string, x: Shape, dyShape: Shape, dy: Tensor, attrs: PoolAttrs): Tensor {
  const dx = gpu.empty(x, `${op} gradient`, dy.dtype);
  const values = windowParams(x, dyShape, x, attrs);
  avgDxKernel.run(gpu, { dy, dx }, values, { threads: values.n });
  return dx;
}

/** Largest value of each window, as an op; saves the winning taps. */
export const maxPool2dOp = defineOp<PoolAttrs>({
  name: "maxPool2d",
  elements: [0],
  shape: ([x], attrs) => poolShape("maxPool2d", x!.shape, attrs),
  forward(device, [x], attrs, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "maxPool2d", x!.dtype);
    const winner = gpu.empty(shape, "maxPool2d", "u32");
    runWidest(gpu, maxKernel, { x: x!, y, winner }, maxJob(x!.shape, shape, shape, attrs));
    return { output: y, saved: [winner] };
  },
  vjp(device, { inputs, output, saved, attrs }, dy) {
    const gpu = device as GpuDevice;
    const { shape } = inputs[0]!;
    const dx = gpu.empty(shape, "maxPool2d gradient", dy.dtype);
    runWidest(gpu, maxDxKernel, { dy, winner: saved[0]!, dx }, maxJob(shape, output.shape, shape, attrs));
    return [dx];
  },
});

/** Mean of each window, as an op. */
export const avgPool2dOp = defineOp<PoolAttrs>({
  name: "avgPool2d",
  elements: [0],
  shape: ([x], attrs) => poolShape("avgPool2d", x!.shape, attrs),
  forward(device, [x], attrs, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "avgPool2d", x!.dtype);
    const values = windowParams(x!.shape, shape, shape, attrs);
    avgKernel.run(gpu, { x: x!, y }, values, { threads: values.n });
    return y;
  },
  vjp: (device, { inputs, output, attrs }, dy) => [
    meanGradient(device as GpuDevice, "avgPool2d", inputs[0]!.shape, output.shape, dy, attrs),
  ],
});

/** Mean over all pixels, as an op: f32 whatever x is. */
export const globalAvgPoolOp = defineOp<Record<never, never>>({
  name: "globalAvgPool",
  elements: [0],
  shape([x]) {
    const { shape } = x!;
    expect(shape.length === 4, "globalAvgPool", "x[N,H,W,C]", showShape(shape));
    const [batch, height, width, channels] = shape as [number, number, number, number];
    expect(height * width > 0, "globalAvgPool", "at least one pixel", showShape(shape));
    return [batch, channels];
  },
  forward(device, [x], _attrs, shape) {
    const [batch, height, width, channels] = x!.shape as [number, number, number, number];
    const pixels = height * width;
    const sums = reduceMiddle(device as GpuDevice, x!, [batch, pixels, channels], "sum", 1 / pixels);
    const y = sums.view(shape);
    sums.dispose();
    return y;
  },
  vjp(device, { inputs }, dy) {
    const { shape, dtype } = inputs[0]!;
    const [batch, height, width, channels] = shape as [number, number, number, number];
    // One window that holds the whole image.
    const attrs = { kernel: [height, width], stride: [1, 1], padding: [0, 0] } as const;
    // The means are f32 whatever x is.
    const gpu = device as GpuDevice;
    const wide = meanGradient(gpu, "globalAvgPool", shape, [batch, 1, 1, channels], dy, attrs);
    const dx = convert(gpu, wide, dtype as "f32" | "f16", "globalAvgPool gradient");
    wide.dispose();
    return [dx];
  },
});

const pair = (value: number | Pair): Pair => (typeof value === "number" ? [value, value] : value);

function windowsOf({ kernel, stride = kernel, padding = 0 }: PoolOptions): PoolAttrs {
  return { kernel: pair(kernel), stride: pair(stride), padding: pair(padding) };
}

/**
 * Largest value of each window: x[N,H,W,C] -> [N,OH,OW,C]. Padding never wins, the first of equal values (row by row)
 * takes the gradient, NaN wins over all.
 * @throws ShapeError if the windows do not fit.
 */
export function maxPool2d(x: Tensor, options: PoolOptions): Tensor {
  return maxPool2dOp.apply([x], windowsOf(options));
}

/**
 * Mean of each window, padding counted as zeros: x[N,H,W,C] -> [N,OH,OW,C].
 * @throws ShapeError if the windows do not fit.
 */
export function avgPool2d(x: Tensor, options: PoolOptions): Tensor {
  return avgPool2dOp.apply([x], windowsOf(options));
}

/** Mean over all pixels: x[N,H,W,C] -> [N,C], f32 whatever x is. @throws ShapeError if there is no pixel. */
export function globalAvgPool(x: Tensor): Tensor {
  return globalAvgPoolOp.apply([x], {});
}
