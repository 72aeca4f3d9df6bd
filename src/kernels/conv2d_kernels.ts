import blockLib from "../../shaders/lib/block.wgsl";
import conv2dLib from "../../shaders/lib/conv2d.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import lanesLib from "../../shaders/lib/lanes.wgsl";
import tileLib from "../../shaders/lib/tile.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { type Access, defineKernel, type Kernel } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily, type Family, type FamilySpec } from "../tensor/variant.ts";
import {
  blockTiles,
  lanesOf,
  laneTiles,
  preferredBlocks,
  preferredTiles,
  type TiledProduct,
  workgroupTiles,
} from "./tiles.ts";

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

/** The shaders of one of the three matrix products; `narrow` reads x channel by channel, where they are not whole vectors. */
export interface Conv2dSources {
  registers: string;
  tiled: string;
  blocked?: string;
  subgroups: string;
  narrow?: string;
  depthwise: string;
}

/** How much work a convolution is: for register tiles, for depthwise kernels, and as a product of matrices. */
export interface Conv2dWork {
  threads(values: Conv2dParams): number;
  depthwise(values: Conv2dParams): number;
  product(values: Conv2dParams): TiledProduct;
}

type Variants<Names extends string> = FamilySpec<Conv2dJob<Names>>["variants"];

/** Variants that only one of the three products has; null where they are not to be preferred. */
export interface SpecialVariants<Job> {
  variants: FamilySpec<Job>["variants"];
  prefer(gpu: GpuDevice, job: Job): string | null;
}

/** The ways to run one of the three matrix products of a convolution. */
export function defineConv2dFamily<Names extends string>(
  name: string,
  bindings: Record<Names, Access>,
  sources: Conv2dSources,
  work: Conv2dWork,
  special: SpecialVariants<Conv2dJob<Names>> = { variants: {}, prefer: () => null },
): Family<Conv2dJob<Names>> {
  const { threads, product } = work;
  // A bias, and what a weight gradient sums up, are f32 always.
  const elements = (Object.keys(bindings) as Names[]).filter((binding) => binding !== "bias" && binding !== "part");
  const spec = { bindings, elements, params };
  const registers = defineKernel({ ...spec, name, source: sources.registers, include: [gridLib, conv2dLib] });
  const depthwise = defineKernel({
    ...spec,
    name: name.replace("conv2d", "conv2d_depthwise"),
    source: sources.depthwise,
    include: [gridLib, conv2dLib],
  });
  const tiled = defineKernel({
    ...spec,
    name: `${name}_tiled`,
    source: sources.tiled,
    include: [tileLib, conv2dLib],
    constants: ["T"],
    workgroup: null,
  });
  const blocked =
    sources.blocked &&
    defineKernel({
      ...spec,
      name: `${name}_blocked`,
      source: sources.blocked,
      include: [blockLib, conv2dLib],
      constants: ["T"],
      workgroup: null,
    });
  const lanes = {
    ...spec,
    enable: ["subgroups"],
    include: [lanesLib, conv2dLib],
    constants: ["LANES", "QUADS"],
    workgroup: null,
  };
  const subgroups = defineKernel({ ...lanes, name: `${name}_subgroups`, source: sources.subgroups });
  const narrow = sources.narrow && defineKernel({ ...lanes, name: `${name}_narrow_subgroups`, source: sources.narrow });
  const vectorised = (gpu: GpuDevice, { c, k, groups }: Conv2dParams) =>
    lanesOf(gpu) > 0 && (k / groups) % 4 === 0 && ((c / groups) % 4 === 0 || (narrow !== undefined && groups === 1));
  const channelwise = ({ c, k, groups }: Conv2dParams) => c === groups && k === groups && c % 4 === 0;
  const wholeVectors = ({ c, k, groups }: Conv2dParams) => (c / groups) % 4 === 0 && (k / groups) % 4 === 0;
  const onBlocks = (kernel: Kernel<Names, keyof Conv2dParams>, T: 8 | 16): Variants<Names>[string] => ({
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
      subgroups: {
        supports: (gpu, { values }) => vectorised(gpu, values),
        run(gpu, { tensors, values }) {
          const kernel = narrow && values.c % 4 !== 0 ? narrow : subgroups;
          kernel.run(gpu, tensors, values, ...laneTiles(gpu, product(values)));
        },
      },
      ...(blocked ? { blocked: onBlocks(blocked, 8), blockedLarge: onBlocks(blocked, 16) } : {}),
      ...special.variants,
    },
    prefer(gpu, job) {
      const { values } = job;
      const { c, k, groups } = values;
      if (channelwise(values)) return "depthwise";
      const chosen = special.prefer(gpu, job);
      if (chosen !== null) return chosen;
      if (gpu.adapter.software) return vectorised(gpu, values) ? "subgroups" : "registers";
      // Most of a 32 × 32 tile would be wasted on groups of few channels.
      if (Math.min(c, k) / groups < 8) return "registers";
      const blocks = blocked && wholeVectors(values) ? preferredBlocks(product(values)) : null;
      return blocks ?? preferredTiles(product(values));
    },
    // Each of the three products has a multiply-add for every output, tap and channel of a filter; padding counts.
    flops: ({ values: { n, oh, ow, k, kh, kw, c, groups } }) => (2 * n * oh * ow * k * kh * kw * c) / groups,
  });
}

/** Tiles of four along an extent. */
export const quarters = (extent: number) => Math.ceil(extent / 4);
