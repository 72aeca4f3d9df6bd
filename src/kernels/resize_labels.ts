import gridLib from "../../shaders/lib/grid.wgsl";
import source from "../../shaders/resize_labels.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const kernel = defineKernel({
  name: "resize_labels",
  source,
  include: [gridLib],
  bindings: { x: "read", y: "write" },
  params: { n: "u32", height: "u32", width: "u32", out_height: "u32", out_width: "u32" },
});

/** The new extents in pixels. */
export interface ResizeLabelsAttrs {
  height: number;
  width: number;
}

// Positions are kept as integers up to twice the product of both extents.
const MAX_PRODUCT = 2 ** 30;

/** Resizing of label maps as an op. */
export const resizeLabelsOp = defineOp<ResizeLabelsAttrs>({
  name: "resizeLabels",
  dtypes: ["u32"],
  outputDType: "u32",
  shape([x], { height, width }) {
    const { shape } = x!;
    expect(shape.length === 3, "resizeLabels", "labels[N,H,W]", showShape(shape));
    const [batch, fromHeight, fromWidth] = shape as [number, number, number];
    expect(fromHeight * fromWidth > 0, "resizeLabels", "at least one pixel", showShape(shape));
    for (const [from, to] of [
      [fromHeight, height],
      [fromWidth, width],
    ] as const) {
      const sound = Number.isInteger(to) && to >= 1 && from * to <= MAX_PRODUCT;
      const limit = Math.floor(MAX_PRODUCT / from);
      expect(sound, "resizeLabels", `an extent in [1, ${limit}] for ${from} pixels`, String(to));
    }
    return [batch, height, width];
  },
  forward(device, [x], { height, width }, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "resizeLabels", "u32");
    const n = sizeOf(shape);
    const [, fromHeight, fromWidth] = x!.shape as [number, number, number];
    const params = { n, height: fromHeight, width: fromWidth, out_height: height, out_width: width };
    kernel.run(gpu, { x: x!, y }, params, { threads: n });
    return y;
  },
  vjp: null,
});

/**
 * Label maps u32 [N,H,W] → [N,height,width]: the label under the middle of each new pixel, no new labels in between.
 * @throws ShapeError if there is no pixel or an extent is not a positive integer.
 */
export function resizeLabels(labels: Tensor, attrs: ResizeLabelsAttrs): Tensor {
  return resizeLabelsOp.apply([labels], attrs);
}
