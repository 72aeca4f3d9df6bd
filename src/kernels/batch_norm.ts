import source from "../../shaders/batch_norm.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";
import { batchNormGradient } from "./batch_norm_gradient.ts";
import { fewRows, moments, overChannels, split, splitOf } from "./batch_norm_rows.ts";
import { batchStatistics } from "./batch_norm_statistics.ts";
import { defineWidths, runWidest } from "./widths.ts";

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

/** Whether the statistics are the batch's, how fast the running ones follow, what keeps the root from zero, what follows. */
export interface BatchNormAttrs {
  training: boolean;
  momentum: number;
  eps: number;
  /** Applied last; none if not given. */
  activation?: "none" | "relu";
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
  vjp: batchNormGradient,
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
