import dwSource from "../../shaders/conv2d_dw.wgsl";
import dwNarrowSource from "../../shaders/conv2d_dw_narrow_subgroups.wgsl";
import dwSubgroupsSource from "../../shaders/conv2d_dw_subgroups.wgsl";
import dwTiledSource from "../../shaders/conv2d_dw_tiled.wgsl";
import dxSource from "../../shaders/conv2d_dx.wgsl";
import dxSubgroupsSource from "../../shaders/conv2d_dx_subgroups.wgsl";
import dxTiledSource from "../../shaders/conv2d_dx_tiled.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Conv2dParams, defineConv2dFamily, type Geometry, quarters } from "./conv2d_kernels.ts";
import { reduceMiddle } from "./reduce.ts";

const phasePositions = ({ n, h, w, sh, sw }: Conv2dParams) => n * Math.ceil(h / sh) * Math.ceil(w / sw);

/** dx from dy and w. */
export const dxFamily = defineConv2dFamily(
  "conv2d_dx",
  { dy: "read", w: "read", dx: "write" },
  { registers: dxSource, tiled: dxTiledSource, subgroups: dxSubgroupsSource },
  {
    threads: (v) => quarters(phasePositions(v)) * v.sh * v.sw * v.groups * quarters(v.c / v.groups),
    product: (v) => ({ rows: phasePositions(v), cols: v.c / v.groups, times: v.groups * v.sh * v.sw }),
  },
);

/** The parts of dw from x and dy. */
export const dwFamily = defineConv2dFamily(
  "conv2d_dw",
  { x: "read", dy: "read", part: "write" },
  { registers: dwSource, tiled: dwTiledSource, subgroups: dwSubgroupsSource, narrow: dwNarrowSource },
  {
    threads: ({ kh, kw, c, k, groups, parts }) =>
      parts * kh * kw * groups * quarters(c / groups) * quarters(k / groups),
    product: ({ kh, kw, c, k, groups, parts }) => ({
      rows: (kh * kw * c) / groups,
      cols: k / groups,
      times: groups * parts,
    }),
  },
);

/** Parts to split the sum of a weight gradient into, so that enough threads have work: thousands on a GPU. */
export function partsOf(gpu: GpuDevice, { n, oh, c, k, kh, kw, groups }: Geometry): number {
  const weights = (kh * kw * c * k) / groups;
  const wanted = gpu.adapter.software ? 65536 : 524288;
  return Math.max(1, Math.min(n * oh, 64, Math.ceil(wanted / weights)));
}

/** The gradient for the input [n,h,w,c] of `shape`. */
export function inputGradient(gpu: GpuDevice, shape: Shape, w: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const dx = gpu.empty(shape, "conv2d gradient");
  if (dx.size > 0) dxFamily.run(gpu, { tensors: { dy, w, dx }, values: { ...geometry, bias: 0, parts: 1 } });
  return dx;
}

/** The gradient for the weight [kh,kw,c/groups,k] of `shape`. */
export function weightGradient(gpu: GpuDevice, x: Tensor, shape: Shape, dy: Tensor, geometry: Geometry): Tensor {
  const parts = partsOf(gpu, geometry);
  const dw = gpu.empty(shape, "conv2d gradient");
  const part = parts === 1 ? dw : gpu.empty([parts, ...shape], "conv2d gradient");
  if (dw.size > 0) dwFamily.run(gpu, { tensors: { x, dy, part }, values: { ...geometry, bias: 0, parts } });
  if (part === dw) return dw;
  dw.dispose();
  const sum = reduceMiddle(gpu, part, [1, parts, part.size / parts], "sum");
  part.dispose();
  const view = sum.view(shape);
  sum.dispose();
  return view;
}
