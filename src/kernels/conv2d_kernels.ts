import blockLib from "../../shaders/lib/block.wgsl";
import conv2dLib from "../../shaders/lib/conv2d.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import tileLib from "../../shaders/lib/tile.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { type Access, defineKernel, type Kernel } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily, type Family, type FamilySpec } from "../tensor/variant.ts";
import { type LaneSources, onLanes } from "./conv2d_lanes.ts";
import { blockTiles, preferredTiles, type TiledProduct, workgroupTiles } from "./tiles.ts";

const names = ["n", "h", "w", "c", "oh", "ow", "k", "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw", "groups"] as const;

/** Extents of a convolution as the shaders name them: x[n,h,w,c], w[kh,kw,c/groups,k], y[n,oh,ow,k]; stride, padding, dilation. */
export type Geometry = Record<(typeof names)[number], number>;

/** The shaders' parameters: the geometry, whether there is a bias, whether relu follows, and parts of the weight gradient. */
export type Conv2dParams = Geometry & { bias: number; relu: number; parts: number };

const params = Object.fromEntries([...names, "bias", "relu", "parts"].map((name) => [name, "u32"])) as Record<
  keyof Conv2dParams,
  "u32"
>;

/** One convolution to run: the tensors by the names of the shaders' bindings, and the parameters. */
export interface Conv2dJob<Names extends string> {
  tensors: Record<Names, Tensor>;
  values: Conv2dParams;
}

/** The shaders of one of the three matrix products, and the functions that all of them share, if any. */
export interface Conv2dSources {
  lib?: string;
  registers: string;
  tiled: string;
  blocked?: string;
  subgroups?: LaneSources;
  depthwise: string;
}

/** How much work a convolution is: for register tiles, for depthwise kernels, and as a product of matrices. */
export interface Conv2dWork {
  threads(values: Conv2dParams): number;
  depthwise(values: Conv2dParams): number;
  product(values: Conv2dParams): TiledProduct;
}

/** One way to run one of the three products. */
export type Conv2dVariant<Names extends string> = FamilySpec<Conv2dJob<Names>>["variants"][string];

/** Variants that only one of the three products has, the best first, each with whether it is to be tried before the others. */
export type SpecialVariants<Names extends string> = Record<
  string,
  Conv2dVariant<Names> & { pays(device: GpuDevice, values: Conv2dParams): boolean }
>;

/** The ways to run one of the three matrix products of a convolution. */
export function defineConv2dFamily<Names extends string>(
  name: string,
  bindings: Record<Names, Access>,
  sources: Conv2dSources,
  work: Conv2dWork,
  special: SpecialVariants<Names> = {},
): Family<Conv2dJob<Names>> {
  const { threads, product } = work;
  // A bias, and what a weight gradient sums up, are f32 always.
  const elements = (Object.keys(bindings) as Names[]).filter((binding) => binding !== "bias" && binding !== "part");
  const spec = { bindings, elements, params };
  const include = [conv2dLib, ...(sources.lib ? [sources.lib] : [])];
  const registers = defineKernel({ ...spec, name, source: sources.registers, include: [gridLib, ...include] });
  const depthwise = defineKernel({
    ...spec,
    name: name.replace("conv2d", "conv2d_depthwise"),
    source: sources.depthwise,
    include: [gridLib, ...include],
  });
  const tiled = defineKernel({
    ...spec,
    name: `${name}_tiled`,
    source: sources.tiled,
    include: [tileLib, ...include],
    constants: ["T"],
    workgroup: null,
  });
  const blocked =
    sources.blocked &&
    defineKernel({
      ...spec,
      name: `${name}_blocked`,
      source: sources.blocked,
      include: [blockLib, ...include],
      constants: ["T"],
      workgroup: null,
    });
  const channelwise = ({ c, k, groups }: Conv2dParams) => c === groups && k === groups && c % 4 === 0;
  const wholeVectors = ({ c, k, groups }: Conv2dParams) => (c / groups) % 4 === 0 && (k / groups) % 4 === 0;
  const onBlocks = (kernel: Kernel<Names, keyof Conv2dParams>, T: 8 | 16): Conv2dVariant<Names> => ({
    supports: (_gpu, { values }) => wholeVectors(values),
    run: (gpu, { tensors, values }) => kernel.run(gpu, tensors, values, ...blockTiles(T, product(values))),
  });
  return defineFamily<Conv2dJob<Names>>({
    name,
    variants: {
      registers: {
        run: (gpu, { tensors, values }) => registers.run(gpu, tensors, values, { threads: threads(values) }),
      },
      depthwise: {
        supports: (_gpu, { values }) => channelwise(values),
        run: (gpu, { tensors, values }) => depthwise.run(gpu, tensors, values, { threads: work.depthwise(values) }),
      },
      tiled: {
        run: (gpu, { tensors, values }) => tiled.run(gpu, tensors, values, ...workgroupTiles(8, product(values))),
      },
      tiledLarge: {
        run: (gpu, { tensors, values }) => tiled.run(gpu, tensors, values, ...workgroupTiles(16, product(values))),
      },
      ...(sources.subgroups && { subgroups: onLanes({ ...spec, name, include }, sources.subgroups, product) }),
      ...(blocked ? { blocked: onBlocks(blocked, 8), blockedLarge: onBlocks(blocked, 16) } : {}),
      ...special,
    },
    prefer(gpu, job) {
      const { c, k, groups } = job.values;
      // Most of a 32 × 32 tile would be wasted on groups of few channels.
      const onGpu = () => (Math.min(c, k) / groups < 8 ? ["registers"] : preferredTiles(product(job.values)));
      const any = gpu.adapter.software ? ["subgroups", "registers"] : onGpu();
      const paying = Object.keys(special).filter((variant) => special[variant]!.pays(gpu, job.values));
      return ["depthwise", ...paying, ...any];
    },
    // Each of the three products has a multiply-add for every output, tap and channel of a filter; padding counts.
    flops: ({ values: { n, oh, ow, k, kh, kw, c, groups } }) => (2 * n * oh * ow * k * kh * kw * c) / groups,
  });
}

/** Tiles of four along an extent. */
export const quarters = (extent: number) => Math.ceil(extent / 4);
