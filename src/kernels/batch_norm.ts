import source from "../../shaders/batch_norm.wgsl";
import dparamsSource from "../../shaders/batch_norm_dparams.wgsl";
import dxSource from "../../shaders/batch_norm_dx.wgsl";
import momentsSource from "../../shaders/batch_norm_moments.wgsl";
import statisticsSource from "../../shaders/batch_norm_statistics.wgsl";
import sumsSource from "../../shaders/batch_norm_sums.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import laneSumLib from "../../shaders/lib/lane_sum.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";

const split = { rows: "u32", channels: "u32", chunk: "u32", chunks: "u32" } as const;

const momentsKernel = defineKernel({
  name: "batch_norm_moments",
  source: momentsSource,
  include: [gridLib],
  bindings: { x: "read", partial: "write" },
  params: split,
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
  params: { ...split, momentum: "f32" },
  workgroup: null,
});

const applyKernel = defineKernel({
  name: "batch_norm",
  source,
  include: [gridLib],
  bindings: { x: "read", gamma: "read", beta: "read", mean: "read", variance: "read", y: "write" },
  params: { ...split, eps: "f32" },
});

const sumsKernel = defineKernel({
  name: "batch_norm_sums",
  source: sumsSource,
  include: [gridLib],
  bindings: { x: "read", dy: "read", mean: "read", variance: "read", partial: "write" },
  params: { ...split, eps: "f32" },
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
  workgroup: null,
});

const dxKernel = defineKernel({
  name: "batch_norm_dx",
  source: dxSource,
  include: [gridLib],
  bindings: { x: "read", dy: "read", coefficient: "read", dx: "write" },
  params: split,
});

// Rows a thread does where every element is written, and the smallest and the largest split of the long sums.
const ROWS_PER_THREAD = 8;
const MIN_CHUNK = 16;
const MAX_CHUNKS = 512;

/** x seen as rows of channels, cut into chunks of rows. */
function splitOf(x: Tensor, chunkOf: (rows: number) => number) {
  const channels = x.shape.at(-1)!;
  const rows = channels === 0 ? 0 : x.size / channels;
  const chunk = chunkOf(rows);
  return { rows, channels, chunk, chunks: Math.ceil(rows / chunk) };
}

const fewRows = () => ROWS_PER_THREAD;
const longChunk = (rows: number) => Math.max(MIN_CHUNK, Math.ceil(rows / MAX_CHUNKS));
const threadsOf = ({ channels, chunks }: { channels: number; chunks: number }) => ({ threads: channels * chunks });

/** Whether the statistics are the batch's, how fast the running ones follow, and what keeps the root from zero. */
export interface BatchNormAttrs {
  training: boolean;
  momentum: number;
  eps: number;
}

/** Mean and biased variance of each channel of x; the running statistics are moved in place. */
function batchStatistics(
  gpu: GpuDevice,
  x: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  momentum: number,
): { mean: Tensor; variance: Tensor } {
  const params = splitOf(x, longChunk);
  const { channels, chunks } = params;
  const partial = gpu.empty([2, chunks, channels], "batchNorm");
  const mean = gpu.empty([channels], "batchNorm");
  const variance = gpu.empty([channels], "batchNorm");
  momentsKernel.run(gpu, { x, partial }, params, threadsOf(params));
  const joined = { x, partial, mean, variance, running_mean: runningMean, running_var: runningVar };
  statisticsKernel.run(gpu, joined, { ...params, momentum }, { groups: fold(channels) });
  partial.dispose();
  return { mean, variance };
}

/** Batch normalisation as an op; inputs x[..., C], gamma[C], beta[C], runningMean[C], runningVar[C]. */
export const batchNormOp = defineOp<BatchNormAttrs>({
  name: "batchNorm",
  shape([x, ...vectors], { training, momentum, eps }) {
    const { shape } = x!;
    expect(shape.length >= 2, "batchNorm", "x with at least two axes", showShape(shape));
    const channels = shape.at(-1)!;
    for (const [i, name] of ["gamma", "beta", "runningMean", "runningVar"].entries()) {
      expectShape("batchNorm", name, vectors[i]!, [channels]);
    }
    expect(momentum >= 0 && momentum <= 1, "batchNorm", "a momentum in [0, 1]", String(momentum));
    expect(eps > 0 && eps < Number.POSITIVE_INFINITY, "batchNorm", "an eps above 0", String(eps));
    // The unbiased variance of a single value does not exist.
    const enough = !training || channels === 0 || x!.size / channels >= 2;
    expect(enough, "batchNorm", "at least 2 values per channel in training", `x ${showShape(shape)}`);
    return shape;
  },
  forward(device, [x, gamma, beta, runningMean, runningVar], { training, momentum, eps }, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "batchNorm");
    const { mean, variance } = training
      ? batchStatistics(gpu, x!, runningMean!, runningVar!, momentum)
      : { mean: runningMean!, variance: runningVar! };
    const params = { ...splitOf(x!, fewRows), eps };
    applyKernel.run(gpu, { x: x!, gamma: gamma!, beta: beta!, mean, variance, y }, params, threadsOf(params));
    return { output: y, saved: training ? [mean, variance] : [] };
  },
  vjp(device, { inputs, saved, attrs }, dy, needs) {
    const gpu = device as GpuDevice;
    const { training, eps } = attrs;
    const [x, gamma, , runningMean, runningVar] = inputs as Tensor[];
    const [mean, variance] = training ? saved : [runningMean, runningVar];
    const sums = splitOf(x!, longChunk);
    // With running statistics dx needs no sums: without chunks they come out as zero.
    if (!training && !needs[1] && !needs[2]) sums.chunks = 0;
    const { rows, channels, chunks } = sums;
    const partial = gpu.empty([2, chunks, channels], "batchNorm gradient");
    const dgamma = gpu.empty([channels], "batchNorm gradient");
    const dbeta = gpu.empty([channels], "batchNorm gradient");
    const coefficient = gpu.empty([4, channels], "batchNorm gradient");
    const moments = { mean: mean!, variance: variance! };
    sumsKernel.run(gpu, { x: x!, dy, ...moments, partial }, { ...sums, eps }, threadsOf(sums));
    dparamsKernel.run(
      gpu,
      { partial, gamma: gamma!, ...moments, dgamma, dbeta, coefficient },
      { rows, channels, chunks, eps, training: Number(training) },
      { groups: fold(channels) },
    );
    partial.dispose();
    let dx: Tensor | null = null;
    if (needs[0]) {
      dx = gpu.empty(x!.shape, "batchNorm gradient");
      const params = splitOf(x!, fewRows);
      dxKernel.run(gpu, { x: x!, dy, coefficient, dx }, params, threadsOf(params));
    }
    coefficient.dispose();
    for (const [i, gradient] of [dgamma, dbeta].entries()) if (!needs[i + 1]) gradient.dispose();
    return [dx, needs[1] ? dgamma : null, needs[2] ? dbeta : null, null, null];
  },
});

/**
 * Normalises each channel of x[..., C] to gamma[C] · normal + beta[C]: in training with mean and biased variance of the
 * batch, towards which runningMean[C] and runningVar[C] are moved in place (with the unbiased variance), otherwise
 * with the running ones.
 * @throws ShapeError if shapes do not fit, or in training with fewer than two values per channel.
 * Source: Ioffe & Szegedy 2015, algorithm 1; conventions of PyTorch's BatchNorm2d.
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  { training, momentum = 0.1, eps = 1e-5 }: { training: boolean; momentum?: number; eps?: number },
): Tensor {
  return batchNormOp.apply([x, gamma, beta, runningMean, runningVar], { training, momentum, eps });
}
