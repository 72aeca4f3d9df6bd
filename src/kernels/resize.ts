import gridLib from "../../shaders/lib/grid.wgsl";
import pixelLib from "../../shaders/lib/pixel.wgsl";
import resampleLib from "../../shaders/lib/resample.wgsl";
import resampleDxLib from "../../shaders/lib/resample_dx.wgsl";
import source from "../../shaders/resize.wgsl";
import dxSource from "../../shaders/resize_dx.wgsl";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { resampling, resamplingParams } from "./pixels.ts";

const include = [gridLib, pixelLib, resampleLib];
const params = { ...resamplingParams, nearest: "u32" } as const;

const kernel = defineKernel({
  name: "resize",
  source,
  include,
  bindings: { x: "read", y: "write" },
  elements: ["x", "y"],
  params,
});

const dxKernel = defineKernel({
  name: "resize_dx",
  source: dxSource,
  include: [...include, resampleDxLib],
  bindings: { dy: "read", dx: "write" },
  elements: ["dy", "dx"],
  params,
});

/** The new extents in pixels, and how values between pixels are found. */
export interface ResizeAttrs {
  height: number;
  width: number;
  mode: "bilinear" | "nearest";
}

// Positions are kept as integers below five times the product of both extents.
const MAX_PRODUCT = Math.floor((2 ** 31 - 1) / 5);

/** Resizing as an op. */
export const resizeOp = defineOp<ResizeAttrs>({
  name: "resize",
  elements: [0],
  shape([x], { height, width, mode }) {
    const { shape } = x!;
    expect(shape.length === 4, "resize", "x[N,H,W,C]", showShape(shape));
    const [batch, fromHeight, fromWidth, channels] = shape as [number, number, number, number];
    expect(fromHeight * fromWidth > 0, "resize", "at least one pixel", showShape(shape));
    expect(mode === "bilinear" || mode === "nearest", "resize", "the mode bilinear or nearest", String(mode));
    for (const [from, to] of [
      [fromHeight, height],
      [fromWidth, width],
    ] as const) {
      const sound = Number.isInteger(to) && to >= 1 && from * to <= MAX_PRODUCT;
      const limit = Math.floor(MAX_PRODUCT / from);
      expect(sound, "resize", `an extent in [1, ${limit}] for ${from} pixels`, String(to));
    }
    return [batch, height, width, channels];
  },
  ...resampling("resize", { forward: kernel, vjp: dxKernel }, ({ mode }) => ({ nearest: Number(mode === "nearest") })),
});

/**
 * Resizes the pixels of x[N,H,W,C] to [N,height,width,C], pixels as squares (align_corners = false), no antialiasing.
 * @throws ShapeError if there is no pixel or an extent is not a positive integer.
 * Source: PyTorch, torch.nn.functional.interpolate.
 */
export function resize(x: Tensor, attrs: ResizeAttrs): Tensor {
  return resizeOp.apply([x], attrs);
}
