import momentsSource from "../../shaders/batch_norm_moments.wgsl";
import statisticsSource from "../../shaders/batch_norm_statistics.wgsl";
import finiteLib from "../../shaders/lib/finite.wgsl";
import laneSumLib from "../../shaders/lib/lane_sum.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { lanes, manyRows, overChannels, split, splitOf } from "./batch_norm_rows.ts";
import { defineWidths, runWidest } from "./widths.ts";

const momentsKernel = defineWidths({
  name: "batch_norm_moments",
  source: momentsSource,
  bindings: { x: "read", partial: "write" },
  elements: ["x"],
  params: split,
  // A mean: add. A variance: subtract, square, add.
  cost: ({ x }) => ({ flops: 4 * x.size }),
});

const statisticsKernel = defineKernel({
  name: "batch_norm_statistics",
  source: statisticsSource,
  include: [finiteLib, laneSumLib],
  bindings: {
    x: "read",
    partial: "read",
    mean: "write",
    variance: "write",
    running_mean: "write",
    running_var: "write",
  },
  elements: ["x"],
  params: { ...split, momentum: "f32" },
  constants: ["LANES"],
  workgroup: null,
  // Of x only one row is read, and the running statistics are read and written.
  cost: ({ partial, mean }) => ({ bytes: 4 * (partial.size + 7 * mean.size) }),
});

/** Mean and biased variance of each channel of x; the running statistics are moved in place. */
export function batchStatistics(
  gpu: GpuDevice,
  x: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  momentum: number,
): { mean: Tensor; variance: Tensor } {
  const params = splitOf(x, manyRows(gpu));
  const { channels, chunks } = params;
  const partial = gpu.empty([2, chunks, channels], "batchNorm");
  const mean = gpu.empty([channels], "batchNorm");
  const variance = gpu.empty([channels], "batchNorm");
  runWidest(gpu, momentsKernel, { x, partial }, overChannels(params));
  const joined = { x, partial, mean, variance, running_mean: runningMean, running_var: runningVar };
  statisticsKernel.run(gpu, joined, { ...params, momentum }, { groups: fold(channels) }, lanes(gpu));
  partial.dispose();
  return { mean, variance };
}
