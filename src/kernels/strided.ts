import fillSource from "../../shaders/fill.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import copySource from "../../shaders/strided_copy.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Most axes that a copy, and so a shape op, can have. */
export const MAX_AXES = 6;

const copyKernel = defineKernel({
  name: "strided_copy",
  source: copySource,
  include: [gridLib],
  bindings: { x: "read", y: "write" },
  params: {
    ...{ n: "u32", rank: "u32", quarter: "u32", x_at: "u32", y_at: "u32" },
    ...{ e0: "u32", e1: "u32", e2: "u32", e3: "u32", e4: "u32" },
    ...{ x0: "u32", x1: "u32", x2: "u32", x3: "u32", x4: "u32", x5: "u32" },
    ...{ y0: "u32", y1: "u32", y2: "u32", y3: "u32", y4: "u32", y5: "u32" },
  },
  // The box is written, and read where it is not a repetition of less; the rest of both tensors stays untouched.
  cost({ x }, { n, e0, quarter }) {
    const copied = (n / quarter) * e0;
    return { bytes: (x.bytes / x.size) * (copied + Math.min(copied, x.size)) };
  },
});

const fillKernel = defineKernel({
  name: "fill",
  source: fillSource,
  include: [gridLib],
  bindings: { y: "write" },
  params: { n: "u32", value: "f32" },
});

/** Where the elements of a box lie in a tensor: the first one's position and the step along each axis, in elements. */
export interface Layout {
  at?: number;
  strides: readonly number[];
}

/** Copies a box of elements from x to y, each with its own layout; at most MAX_AXES axes; a stride of 0 repeats. */
export function copyBox(gpu: GpuDevice, x: Tensor, y: Tensor, extents: Shape, from: Layout, to: Layout): void {
  if (sizeOf(extents) === 0) return;
  const axes = mergeAxes(extents, from.strides, to.strides);
  const e = (k: number) => axes[k]?.extent ?? 1;
  const s = (k: number) => axes[k]?.from ?? 0;
  const t = (k: number) => axes[k]?.to ?? 0;
  const quarter = Math.ceil(e(0) / 4);
  const n = (sizeOf(extents) / e(0)) * quarter;
  copyKernel.run(
    gpu,
    { x, y },
    {
      ...{ n, rank: axes.length, quarter, x_at: from.at ?? 0, y_at: to.at ?? 0 },
      ...{ e0: e(0), e1: e(1), e2: e(2), e3: e(3), e4: e(4) },
      ...{ x0: s(0), x1: s(1), x2: s(2), x3: s(3), x4: s(4), x5: s(5) },
      ...{ y0: t(0), y1: t(1), y2: t(2), y3: t(3), y4: t(4), y5: t(5) },
    },
    { threads: n },
  );
}

/** Sets every element of an f32 tensor. */
export function fill(gpu: GpuDevice, y: Tensor, value: number): void {
  fillKernel.run(gpu, { y }, { n: y.size, value }, { threads: y.size });
}

interface Axis {
  extent: number;
  from: number;
  to: number;
}

/** The axes of a box, innermost first, without those of extent 1 and with neighbours joined that step evenly. */
function mergeAxes(extents: Shape, from: readonly number[], to: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  for (let k = extents.length - 1; k >= 0; k--) {
    const extent = extents[k]!;
    if (extent === 1) continue;
    const inner = axes.at(-1);
    if (inner && from[k] === inner.from * inner.extent && to[k] === inner.to * inner.extent) inner.extent *= extent;
    else axes.push({ extent, from: from[k]!, to: to[k]! });
  }
  return axes;
}
