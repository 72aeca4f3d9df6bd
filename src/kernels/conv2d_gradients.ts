import depthwiseDwSource from "../../shaders/conv2d_depthwise_dw.wgsl";
import depthwiseDxSource from "../../shaders/conv2d_depthwise_dx.wgsl";
import dwSource from "../../shaders/conv2d_dw.wgsl";
import dwBlockedSource from "../../shaders/conv2d_dw_blocked.wgsl";
import dwNarrowSource from "../../shaders/conv2d_dw_narrow_subgroups.wgsl";
import dwSubgroupsSource from "../../shaders/conv2d_dw_subgroups.wgsl";
import dwTiledSource from "../../shaders/conv2d_dw_tiled.wgsl";
import dxSource from "../../shaders/conv2d_dx.wgsl";
import dxBlockedSource from "../../shaders/conv2d_dx_blocked.wgsl";
import dxSubgroupsSource from "../../shaders/conv2d_dx_subgroups.wgsl";
import dxTiledSource from "../../shaders/conv2d_dx_tiled.wgsl";
import dwLib from "../../shaders/lib/conv2d_dw.wgsl";
import dxLib from "../../shaders/lib/conv2d_dx.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { MAX_GROUPS } from "../tensor/kernel.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Conv2dParams, defineConv2dFamily, type Geometry, quarters } from "./conv2d_kernels.ts";
import { reduceMiddle } from "./reduce.ts";
import { gradientConvolution, winogradFits, winogradGradient, winogradPays } from "./winograd.ts";

// Floats that stay in the cache of a core.
const CACHE = 131072;

const phasePositions = ({ n, h, w, sh, sw }: Conv2dParams) => n * Math.ceil(h / sh) * Math.ceil(w / sw);

/** dx from dy and w. */
export const dxFamily = defineConv2dFamily(
  "conv2d_dx",
  { dy: "read", w: "read", dx: "write" },
  {
    lib: dxLib,
    registers: dxSource,
    tiled: dxTiledSource,
    blocked: dxBlockedSource,
    subgroups: { wide: dxSubgroupsSource },
    depthwise: depthwiseDxSource,
  },
  {
    threads: (v) => quarters(phasePositions(v)) * v.sh * v.sw * v.groups * quarters(v.c / v.groups),
    depthwise: (v) => (quarters(phasePositions(v)) * v.sh * v.sw * v.c) / 4,
    product: (v) => ({ rows: phasePositions(v), cols: v.c / v.groups, times: v.groups * v.sh * v.sw }),
  },
  {
    winograd: {
      supports: (gpu, { values }) => winogradFits(gpu, gradientConvolution(values)),
      run: winogradGradient,
      pays: (gpu, values) => gpu.adapter.software && winogradPays(gradientConvolution(values)),
    },
  },
);

/** The parts of dw from x and dy. */
export const dwFamily = defineConv2dFamily(
  "conv2d_dw",
  { x: "read", dy: "read", part: "write" },
  {
    lib: dwLib,
    registers: dwSource,
    tiled: dwTiledSource,
    blocked: dwBlockedSource,
    subgroups: { wide: dwSubgroupsSource, narrow: dwNarrowSource },
    depthwise: depthwiseDwSource,
  },
  {
    threads: ({ kh, kw, c, k, groups, parts }) =>
      parts * kh * kw * groups * quarters(c / groups) * quarters(k / groups),
    depthwise: ({ kh, kw, c, parts }) => (quarters(kh * kw) * c * parts) / 4,
    product: ({ kh, kw, c, k, groups, parts }) => ({
      rows: (kh * kw * c) / groups,
      cols: k / groups,
      times: groups * parts,
    }),
  },
);

/**
 * Parts to split the sum of a weight gradient into, from shapes alone: enough that the whole adapter has work, and on a
 * CPU that what one part reads stays in its cache while all tiles of the gradient pass over it, as long as the parts
 * take no more than half of that memory.
 */
export function partsOf(gpu: GpuDevice, { n, h, w, oh, ow, c, k, kh, kw, groups }: Geometry): number {
  const { software } = gpu.adapter;
  const positions = n * oh * ow;
  const weights = (kh * kw * c * k) / groups;
  // 512 tiles of 64 × 64 on a GPU. A depthwise gradient has few weights, and a thread for every 16 of them.
  const busy = Math.ceil((software ? 65536 : 2097152) / weights);
  const least = software || c === groups ? 64 : 256;
  const read = Math.min(n * h * w, positions * kh * kw) * c + positions * k;
  const cached = software ? Math.floor(read / Math.max(CACHE, 2 * weights)) : 1;
  // Tiles of the parts of all groups are one dimension of a dispatch.
  return Math.max(1, Math.min(Math.ceil(positions / least), Math.floor(MAX_GROUPS / groups), Math.max(busy, cached)));
}

/** The gradient for the input [n,h,w,c] of `shape`, with the elements of dy and w. */
export function inputGradient(gpu: GpuDevice, shape: Shape, w: Tensor, dy: Tensor, geometry: Geometry): Tensor {
  const dx = gpu.empty(shape, "conv2d gradient", dy.dtype);
  if (dx.size > 0) dxFamily.run(gpu, { tensors: { dy, w, dx }, values: { ...geometry, bias: 0, relu: 0, parts: 1 } });
  return dx;
}

/** The gradient for the weight [kh,kw,c/groups,k] of `shape`: f32 whatever x and dy are. */
export function weightGradient(gpu: GpuDevice, x: Tensor, shape: Shape, dy: Tensor, geometry: Geometry): Tensor {
  const parts = partsOf(gpu, geometry);
  const dw = gpu.empty(shape, "conv2d gradient");
  const part = parts === 1 ? dw : gpu.empty([parts, ...shape], "conv2d gradient");
  if (dw.size > 0) dwFamily.run(gpu, { tensors: { x, dy, part }, values: { ...geometry, bias: 0, relu: 0, parts } });
  if (part === dw) return dw;
  dw.dispose();
  const sum = reduceMiddle(gpu, part, [1, parts, part.size / parts], "sum");
  part.dispose();
  const view = sum.view(shape);
  sum.dispose();
  return view;
}
