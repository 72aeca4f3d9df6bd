import source from "../../shaders/adaptive_avg_pool.wgsl";
import dxSource from "../../shaders/adaptive_avg_pool_dx.wgsl";
import binsLib from "../../shaders/lib/bins.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import pixelLib from "../../shaders/lib/pixel.wgsl";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { resampling, resamplingParams } from "./pixels.ts";

const include = [gridLib, pixelLib, binsLib];
const params = resamplingParams;

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
  ...resampling("adaptiveAvgPool2d", { forward: kernel, vjp: dxKernel }, () => ({})),
});

/**
 * Mean of x[N,H,W,C] over each of height × width bins that cover the image, whatever its size: [N,height,width,C]. Bin i
 * of an axis takes the pixels from ⌊i·H/height⌋ to ⌈(i+1)·H/height⌉, so that neighbours may share one.
 * @throws ShapeError if there is no pixel or no bin. Source: PyTorch, AdaptiveAvgPool2d.
 */
export function adaptiveAvgPool2d(x: Tensor, bins: AdaptivePoolAttrs): Tensor {
  return adaptiveAvgPool2dOp.apply([x], bins);
}
