import accumulateSource from "../../shaders/accumulate.wgsl";
import clipSource from "../../shaders/clip_factor.wgsl";
import normSource from "../../shaders/gradient_norm.wgsl";
import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import laneSumLib from "../../shaders/lib/lane_sum.wgsl";
import lossScaleSource from "../../shaders/loss_scale.wgsl";
import squareSource from "../../shaders/square_sum.wgsl";
import type { Live } from "../tensor/command.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import { expect } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";

const accumulateKernel = defineKernel({
  name: "accumulate",
  source: accumulateSource,
  include: [gridLib],
  bindings: { x: "read", sum: "write" },
  params: { n: "u32", first: "u32" },
  cost: ({ x }) => ({ flops: x.size, bytes: 12 * x.size }),
});

const squareKernel = defineKernel({
  name: "square_sum",
  source: squareSource,
  include: [laneSumLib],
  bindings: { x: "read", partial: "write" },
  params: { n: "u32", span: "u32", offset: "u32" },
  constants: ["LANES"],
  workgroup: null,
  cost: ({ x }) => ({ flops: 2 * x.size }),
});

// Threads of a workgroup that sums.
const LANES = { LANES: 32 };

const normKernel = defineKernel({
  name: "gradient_norm",
  source: normSource,
  include: [finiteLib, laneSumLib],
  bindings: { partial: "read", loss_scale: "read", norm: "write" },
  params: { n: "u32", scale: "f32" },
  constants: ["LANES", "SCALED"],
  workgroup: null,
});

const clipKernel = defineKernel({
  name: "clip_factor",
  source: clipSource,
  include: [finiteLib],
  bindings: { norm: "read", loss_scale: "read", factor: "write" },
  params: { max_norm: "f32", scale: "f32" },
  constants: ["SCALED"],
  workgroup: null,
});

const lossScaleKernel = defineKernel({
  name: "loss_scale",
  source: lossScaleSource,
  include: [finiteLib],
  bindings: { norm: "read", scale: "write", good: "write" },
  params: { patience: "f32" },
  workgroup: null,
});

// Elements whose squares one workgroup sums.
const SPAN = 2048;

/**
 * Adds x to a sum of the same shape in place, or begins the sum with it, as `first` says anew in each run: for gradients
 * that come in several rounds.
 */
export function accumulate(gpu: GpuDevice, x: Tensor, sum: Tensor, first: () => boolean): void {
  expectShape("accumulate", "sum", sum, x.shape);
  const n = Math.ceil(x.size / 4);
  accumulateKernel.run(gpu, { x, sum }, { n, first: () => Number(first()) }, { threads: n });
}

/**
 * `scale` times (over the one element of `lossScale`) the Euclidean norm of all gradients together, as a tensor of one element; infinite where the sum of
 * squares leaves the range of f32 (a norm above 1.8e19), NaN where any element is NaN.
 */
export function gradientNorm(
  gpu: GpuDevice,
  gradients: readonly Tensor[],
  scale: Live = 1,
  lossScale: Tensor | null = null,
): Tensor {
  const counts = gradients.map(({ size }) => Math.ceil(size / SPAN));
  const n = counts.reduce((total, count) => total + count, 0);
  const partial = gpu.empty([n], "gradientNorm");
  let offset = 0;
  for (const [i, x] of gradients.entries()) {
    squareKernel.run(gpu, { x, partial }, { n: x.size, span: SPAN, offset }, { groups: fold(counts[i]!) }, LANES);
    offset += counts[i]!;
  }
  const norm = gpu.empty([1], "gradientNorm");
  const constants = { ...LANES, SCALED: lossScale !== null };
  normKernel.run(
    gpu,
    { partial, loss_scale: lossScale ?? partial, norm },
    { n, scale },
    { groups: [1, 1, 1] },
    constants,
  );
  partial.dispose();
  return norm;
}

/**
 * scale · min(1, maxNorm / (norm + 1e-6)), over the one element of `lossScale`, as a tensor of one element: what gradients of this norm (one element) must be multiplied
 * with. 0 where the norm is NaN or infinite: steps given that factor change nothing.
 * @throws ShapeError if the norm has more than one element or maxNorm is not above 0.
 * Source: Pascanu et al. 2013, algorithm 1, in the form of PyTorch's clip_grad_norm_.
 */
export function clipFactor(
  gpu: GpuDevice,
  norm: Tensor,
  maxNorm: number,
  scale: Live = 1,
  lossScale: Tensor | null = null,
): Tensor {
  expect(norm.size === 1, "clipFactor", "a norm of one element", `${norm.size} elements`);
  expect(maxNorm > 0 && maxNorm < Number.POSITIVE_INFINITY, "clipFactor", "a maxNorm above 0", String(maxNorm));
  const factor = gpu.empty([1], "clipFactor");
  const tensors = { norm, loss_scale: lossScale ?? norm, factor };
  clipKernel.run(gpu, tensors, { max_norm: maxNorm, scale }, { groups: [1, 1, 1] }, { SCALED: lossScale !== null });
  return factor;
}

/**
 * Moves a loss scale in place after a step with this gradient norm: halved where that is not finite, doubled after so many
 * steps in a row where it was (`good` counts them); one element each.
 * @throws ShapeError if one of them has more elements.
 * Source: Micikevicius et al. 2018, section 3.2.
 */
export function adaptLossScale(gpu: GpuDevice, norm: Tensor, scale: Tensor, good: Tensor, patience: number): void {
  for (const [name, { size }] of Object.entries({ norm, scale, good })) {
    expect(size === 1, "adaptLossScale", `${name} of one element`, `${size} elements`);
  }
  lossScaleKernel.run(gpu, { norm, scale, good }, { patience }, { groups: [1, 1, 1] });
}
