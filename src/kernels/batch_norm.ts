import source from "../../shaders/batch_norm.wgsl";
import dparamsSource from "../../shaders/batch_norm_dparams.wgsl";
import dxSource from "../../shaders/batch_norm_dx.wgsl";
import momentsSource from "../../shaders/batch_norm_moments.wgsl";
import statisticsSource from "../../shaders/batch_norm_statistics.wgsl";
import sumsSource from "../../shaders/batch_norm_sums.wgsl";
import residualSumsSource from "../../shaders/batch_norm_sums_residual.wgsl";
import laneSumLib from "../../shaders/lib/lane_sum.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";
import { defineWidths, runWidest } from "./widths.ts";

const split = { rows: "u32", channels: "u32", chunk: "u32", chunks: "u32" } as const;

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
  include: [laneSumLib],
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

const moments = { gamma: "read", beta: "read", mean: "read", variance: "read" } as const;

const applyKernel = defineWidths({
  name: "batch_norm",
  source,
  bindings: { x: "read", ...moments, residual: "read", y: "write" },
  elements: ["x", "residual", "y"],
  params: { ...split, eps: "f32" },
  constants: ["RESIDUAL", "RELU"],
  // Subtract the mean, divide by the deviation, multiply by gamma, add beta.
  cost: ({ x }) => ({ flops: 4 * x.size }),
});

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

/** x seen as rows of channels, cut into chunks of rows. */
function splitOf(x: Tensor, chunkOf: (rows: number) => number) {
  const channels = x.shape.at(-1)!;
  const rows = channels === 0 ? 0 : x.size / channels;
  const chunk = chunkOf(rows);
  return { rows, channels, chunk, chunks: Math.ceil(rows / chunk) };
}

/** One thread for each chunk of rows of each V of channels. */
function overChannels<P extends { channels: number; chunks: number }>(params: P, constants?: Record<string, boolean>) {
  return { params, along: ["channels"] as const, times: params.chunks, constants };
}

/** Rows a thread does where every element is written: its channel's numbers are loaded once for all of them. */
const fewRows = (gpu: GpuDevice) => () => (gpu.adapter.software ? 32 : 8);

/** Rows a thread adds up: enough threads to fill the adapter, and not many more sums to join than that takes. */
const manyRows = (gpu: GpuDevice) => (rows: number) =>
  Math.max(16, Math.ceil(rows / (gpu.adapter.software ? 64 : 512)));

/** Threads that join a channel's sums: enough to have many loads under way, or few because each waits for the others. */
const lanes = (gpu: GpuDevice) => ({ LANES: gpu.adapter.software ? 8 : 32 });

/** Whether the statistics are the batch's, how fast the running ones follow, what keeps the root from zero, what follows. */
export interface BatchNormAttrs {
  training: boolean;
  momentum: number;
  eps: number;
  /** Applied last; none if not given. */
  activation?: "none" | "relu";
}

/** Mean and biased variance of each channel of x; the running statistics are moved in place. */
function batchStatistics(
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

/** Batch normalisation as an op; inputs x[..., C], gamma[C], beta[C], runningMean[C], runningVar[C], residual like x if any. */
export const batchNormOp = defineOp<BatchNormAttrs>({
  name: "batchNorm",
  elements: [0, 5],
  shape([x, ...others], { training, momentum, eps, activation = "none" }) {
    const { shape } = x!;
    expect(shape.length >= 2, "batchNorm", "x with at least two axes", showShape(shape));
    const channels = shape.at(-1)!;
    for (const [i, name] of ["gamma", "beta", "runningMean", "runningVar"].entries()) {
      expectShape("batchNorm", name, others[i]!, [channels]);
    }
    if (others[4]) expectShape("batchNorm", "residual", others[4], shape);
    expect(momentum >= 0 && momentum <= 1, "batchNorm", "a momentum in [0, 1]", String(momentum));
    expect(eps > 0 && eps < Number.POSITIVE_INFINITY, "batchNorm", "an eps above 0", String(eps));
    expect(["none", "relu"].includes(activation), "batchNorm", "none or relu as activation", activation);
    // The unbiased variance of a single value does not exist.
    const enough = !training || channels === 0 || x!.size / channels >= 2;
    expect(enough, "batchNorm", "at least 2 values per channel in training", `x ${showShape(shape)}`);
    return shape;
  },
  forward(device, [x, gamma, beta, runningMean, runningVar, residual], attrs, shape) {
    const { training, momentum, eps, activation } = attrs;
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "batchNorm", x!.dtype);
    const { mean, variance } = training
      ? batchStatistics(gpu, x!, runningMean!, runningVar!, momentum)
      : { mean: runningMean!, variance: runningVar! };
    // Without a residual something must be bound all the same; it is not read.
    const tensors = { x: x!, gamma: gamma!, beta: beta!, mean, variance, residual: residual ?? x!, y };
    const constants = { RESIDUAL: residual !== undefined, RELU: activation === "relu" };
    runWidest(gpu, applyKernel, tensors, overChannels({ ...splitOf(x!, fewRows(gpu)), eps }, constants));
    return { output: y, saved: training ? [mean, variance] : [] };
  },
  vjp(device, { inputs, output: y, saved, attrs }, dy, needs) {
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
  },
});

/** Options of batchNorm. */
export interface BatchNormOptions extends Pick<BatchNormAttrs, "training" | "activation"> {
  momentum?: number;
  eps?: number;
  /** Added to the normalised x before the activation, of its shape. */
  residual?: Tensor | null;
}

/**
 * Normalises each channel of x[..., C] to gamma[C] · normal + beta[C]: in training with mean and biased variance of the
 * batch, towards which runningMean[C] and runningVar[C] are moved in place (with the unbiased variance), otherwise
 * with the running ones. A residual is added and an activation applied in the same pass.
 * @throws ShapeError if shapes do not fit, or in training with fewer than two values per channel.
 * Source: Ioffe & Szegedy 2015, algorithm 1; conventions of PyTorch's BatchNorm2d.
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  { training, momentum = 0.1, eps = 1e-5, activation = "none", residual = null }: BatchNormOptions,
): Tensor {
  const inputs = [x, gamma, beta, runningMean, runningVar];
  return batchNormOp.apply(residual ? [...inputs, residual] : inputs, { training, momentum, eps, activation });
}
