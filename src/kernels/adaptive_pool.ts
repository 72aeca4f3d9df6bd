import source from "../../shaders/adaptive_avg_pool.wgsl";
import dxSource from "../../shaders/adaptive_avg_pool_dx.wgsl";
import binsLib from "../../shaders/lib/bins.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import pixelLib from "../../shaders/lib/pixel.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, type Shape, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { pixelThreads } from "./pixels.ts";

const include = [gridLib, pixelLib, binsLib];
const params = {
  n: "u32",
  height: "u32",
  width: "u32",
  channels: "u32",
  out_height: "u32",
  out_width: "u32",
} as const;

const kernel = defineKernel({
  name: "adaptive_avg_pool",
  source,
  include,
  bindings: { x: "read", y: "write" },
  elements: ["x", "y"],
  params,
  cost: ({ x }) => ({ flops: x.size }),
});

const dxKernel = defineKernel({
  name: "adaptive_avg_pool_dx",
  source: dxSource,
  include,
  bindings: { dy: "read", dx: "write" },
  elements: ["dy", "dx"],
  params,
  cost: ({ dx }) => ({ flops: dx.size }),
});

/** The bins that cover the image. */
export interface AdaptivePoolAttrs {
  height: number;
  width: number;
}

/** Kernel parameters for threads that walk the pixels of `over`, which is x or y. */
function paramsOf([, height, width, channels]: Shape, over: Shape, bins: AdaptivePoolAttrs) {
  const images = { height: height!, width: width!, channels: channels! };
  return { n: pixelThreads(over), ...images, out_height: bins.height, out_width: bins.width };
}

/** Mean over each of a number of bins, as an op. */
export const adaptiveAvgPool2dOp = defineOp<AdaptivePoolAttrs>({
  name: "adaptiveAvgPool2d",
  elements: [0],
  shape([x], { height, width }) {
    const { shape } = x!;
    expect(shape.length === 4, "adaptiveAvgPool2d", "x[N,H,W,C]", showShape(shape));
    const [batch, rows, columns, channels] = shape as [number, number, number, number];
    expect(rows * columns > 0, "adaptiveAvgPool2d", "at least one pixel", showShape(shape));
    const sound = [height, width].every((bins) => Number.isInteger(bins) && bins >= 1);
    expect(sound, "adaptiveAvgPool2d", "at least one bin along each axis", showShape([height, width]));
    return [batch, height, width, channels];
  },
  forward(device, [x], bins, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "adaptiveAvgPool2d", x!.dtype);
    const values = paramsOf(x!.shape, shape, bins);
    kernel.run(gpu, { x: x!, y }, values, { threads: values.n });
    return y;
  },
  vjp(device, { inputs, attrs }, dy) {
    const gpu = device as GpuDevice;
    const { shape } = inputs[0]!;
    const dx = gpu.empty(shape, "adaptiveAvgPool2d gradient", dy.dtype);
    const values = paramsOf(shape, shape, attrs);
    dxKernel.run(gpu, { dy, dx }, values, { threads: values.n });
    return [dx];
  },
});

/**
 * Mean of x[N,H,W,C] over each of height × width bins that cover the image, whatever its size: [N,height,width,C]. Bin i
 * of an axis takes the pixels from ⌊i·H/height⌋ to ⌈(i+1)·H/height⌉, so that neighbours may share one.
 * @throws ShapeError if there is no pixel or no bin. Source: PyTorch, AdaptiveAvgPool2d.
 */
export function adaptiveAvgPool2d(x: Tensor, bins: AdaptivePoolAttrs): Tensor {
  return adaptiveAvgPool2dOp.apply([x], bins);
}
