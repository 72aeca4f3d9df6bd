import lanesLib from "../../shaders/lib/lanes.wgsl";
import { defineKernel, type KernelSpec } from "../tensor/kernel.ts";
import type { Conv2dParams, Conv2dVariant } from "./conv2d_kernels.ts";
import { lanesOf, laneTiles, type TiledProduct } from "./tiles.ts";

/** The shaders whose tiles lie across a subgroup; `narrow` reads x channel by channel, where they are not whole vectors. */
export interface LaneSources {
  wide: string;
  narrow?: string;
}

/** One of the three products of a convolution on tiles that lie across a subgroup (shaders/lib/lanes.wgsl). */
export function onLanes<Names extends string>(
  spec: Pick<KernelSpec<Names, keyof Conv2dParams>, "name" | "bindings" | "elements" | "params" | "include">,
  sources: LaneSources,
  product: (values: Conv2dParams) => TiledProduct,
): Conv2dVariant<Names> {
  const define = (name: string, source: string) =>
    defineKernel({
      ...spec,
      ...{ name, source, enable: ["subgroups"], include: [lanesLib, ...spec.include!] },
      ...{ constants: ["LANES", "QUADS"], workgroup: null },
    });
  const wide = define(`${spec.name}_subgroups`, sources.wide);
  const narrow = sources.narrow && define(`${spec.name}_narrow_subgroups`, sources.narrow);
  return {
    supports(gpu, { values: { c, k, groups } }) {
      const vectors = (c / groups) % 4 === 0 || (narrow !== undefined && groups === 1);
      return lanesOf(gpu) > 0 && (k / groups) % 4 === 0 && vectors;
    },
    run(gpu, { tensors, values }) {
      const kernel = narrow && values.c % 4 !== 0 ? narrow : wide;
      kernel.run(gpu, tensors, values, ...laneTiles(gpu, product(values)));
    },
  };
}
