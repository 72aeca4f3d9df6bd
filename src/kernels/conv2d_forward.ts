import source from "../../shaders/conv2d.wgsl";
import blockedSource from "../../shaders/conv2d_blocked.wgsl";
import depthwiseSource from "../../shaders/conv2d_depthwise.wgsl";
import narrowSource from "../../shaders/conv2d_narrow_subgroups.wgsl";
import subgroupsSource from "../../shaders/conv2d_subgroups.wgsl";
import tiledSource from "../../shaders/conv2d_tiled.wgsl";
import { defineConv2dFamily, quarters } from "./conv2d_kernels.ts";
import { isProduct, pointwise } from "./pointwise.ts";
import { winograd, winogradFits, winogradPays } from "./winograd.ts";

/** y from x, w and bias (any tensor where `bias` is 0); relu of it where `relu` is 1. */
export const forwardFamily = defineConv2dFamily(
  "conv2d",
  { x: "read", w: "read", bias: "read", y: "write" },
  {
    registers: source,
    tiled: tiledSource,
    blocked: blockedSource,
    subgroups: { wide: subgroupsSource, narrow: narrowSource },
    depthwise: depthwiseSource,
  },
  {
    threads: ({ n, oh, ow, k, groups }) => quarters(n * oh * ow) * groups * quarters(k / groups),
    depthwise: ({ n, oh, ow, c }) => (quarters(n * oh * ow) * c) / 4,
    product: ({ n, oh, ow, k, groups }) => ({ rows: n * oh * ow, cols: k / groups, times: groups }),
  },
  {
    pointwise: { supports: (_gpu, { values }) => isProduct(values), run: pointwise, pays: () => true },
    winograd: {
      supports: (gpu, { values }) => winogradFits(gpu, values),
      run: winograd,
      pays: (gpu, values) => gpu.adapter.software && winogradPays(values),
    },
  },
);
