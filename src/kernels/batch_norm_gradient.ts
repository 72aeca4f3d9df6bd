import dparamsSource from "../../shaders/batch_norm_dparams.wgsl";
import dxSource from "../../shaders/batch_norm_dx.wgsl";
import sumsSource from "../../shaders/batch_norm_sums.wgsl";
import residualSumsSource from "../../shaders/batch_norm_sums_residual.wgsl";
import laneSumLib from "../../shaders/lib/lane_sum.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import type { OpDefinition } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { BatchNormAttrs } from "./batch_norm.ts";
import { fewRows, lanes, manyRows, moments, overChannels, split, splitOf } from "./batch_norm_rows.ts";
import { defineWidths, runWidest } from "./widths.ts";

const sumsKernel = defineWidths({
  name: "batch_norm_sums",
  source: sumsSource,
  bindings: { x: "read", dy: "read", ...moments, partial: "write" },
  elements: ["x", "dy"],
  params: { ...split, eps: "f32" },
  constants: ["RELU"],
  // The normal value: subtract, divide. Its product with dy: multiply, add. The sum of dy: add.
  cost: ({ x }) => ({ flops: 5 * x.size }),
});

const residualSumsKernel = defineWidths({
  name: "batch_norm_sums_residual",
  source: residualSumsSource,
  bindings: { x: "read", dy: "read", y: "read", mean: "read", variance: "read", g: "write", partial: "write" },
  elements: ["x", "dy", "y", "g"],
  params: { ...split, eps: "f32" },
  cost: ({ x }) => ({ flops: 5 * x.size }),
});

const dparamsKernel = defineKernel({
  name: "batch_norm_dparams",
  source: dparamsSource,
  include: [laneSumLib],
  bindings: {
    partial: "read",
    gamma: "read",
    mean: "read",
    variance: "read",
    dgamma: "write",
    dbeta: "write",
    coefficient: "write",
  },
  params: { rows: "u32", channels: "u32", chunks: "u32", eps: "f32", training: "u32" },
  constants: ["LANES"],
  workgroup: null,
});

const dxKernel = defineWidths({
  name: "batch_norm_dx",
  source: dxSource,
  bindings: { x: "read", dy: "read", beta: "read", coefficient: "read", dx: "write" },
  elements: ["x", "dy", "dx"],
  params: split,
  constants: ["RELU"],
  // The normal value: subtract, divide. Its multiple and the mean of dy off dy: multiply, subtract twice. A factor: multiply.
  cost: ({ x }) => ({ flops: 6 * x.size }),
});

/** The gradients for x, gamma, beta and the residual, if there is one. */
export const batchNormGradient: OpDefinition<BatchNormAttrs>["vjp"] = (device, node, dy, needs) => {
  const { inputs, output: y, saved, attrs } = node;
  const gpu = device as GpuDevice;
  const { training, eps } = attrs;
  const [x, gamma, beta, runningMean, runningVar, residual] = inputs as Tensor[];
  const [mean, variance] = (training ? saved : [runningMean, runningVar]) as [Tensor, Tensor];
  const sums = splitOf(x!, manyRows(gpu));
  const masked = attrs.activation === "relu";
  const separate = masked && residual !== undefined;
  // With running statistics dx needs no sums: without chunks they come out as zero.
  if (!training && !needs[1] && !needs[2] && !separate) sums.chunks = 0;
  const { rows, channels, chunks } = sums;
  const partial = gpu.empty([2, chunks, channels], "batchNorm gradient");
  const [dgamma, dbeta] = [1, 2].map(() => gpu.empty([channels], "batchNorm gradient")) as [Tensor, Tensor];
  const coefficient = gpu.empty([4, channels], "batchNorm gradient");
  // The gradient in front of the activation: needed in memory only where it is also the residual's.
  const g = separate ? gpu.empty(x!.shape, "batchNorm gradient", dy.dtype) : dy;
  const shared = { x: x!, dy, mean, variance, partial };
  const job = overChannels({ ...sums, eps }, { RELU: masked });
  if (separate) runWidest(gpu, residualSumsKernel, { ...shared, y, g }, job);
  else runWidest(gpu, sumsKernel, { ...shared, gamma: gamma!, beta: beta! }, job);
  dparamsKernel.run(
    gpu,
    { partial, gamma: gamma!, mean, variance, dgamma, dbeta, coefficient },
    { rows, channels, chunks, eps, training: Number(training) },
    { groups: fold(channels) },
    lanes(gpu),
  );
  partial.dispose();
  let dx: Tensor | null = null;
  if (needs[0]) {
    dx = gpu.empty(x!.shape, "batchNorm gradient", x!.dtype);
    const tensors = { x: x!, dy: g, beta: beta!, coefficient, dx };
    const constants = { RELU: masked && !separate };
    runWidest(gpu, dxKernel, tensors, overChannels(splitOf(x!, fewRows(gpu)), constants));
  }
  coefficient.dispose();
  for (const [i, gradient] of [dgamma, dbeta].entries()) if (!needs[i + 1]) gradient.dispose();
  if (separate && !needs[5]) g.dispose();
  const dresidual = residual && needs[5] ? g : null;
  return [dx, needs[1] ? dgamma : null, needs[2] ? dbeta : null, null, null, ...(residual ? [dresidual] : [])];
};
