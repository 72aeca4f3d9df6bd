import crossEntropySource from "../../shaders/cross_entropy.wgsl";
import crossEntropyGradientSource from "../../shaders/cross_entropy_dx.wgsl";
import crossEntropyMeanSource from "../../shaders/cross_entropy_mean.wgsl";
import klDivergenceSource from "../../shaders/kl_divergence.wgsl";
import klDivergenceGradientSource from "../../shaders/kl_divergence_dx.wgsl";
import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import largerLib from "../../shaders/lib/larger.wgsl";
import mathLib from "../../shaders/lib/math.wgsl";
import mseSource from "../../shaders/mse.wgsl";
import mseGradientSource from "../../shaders/mse_dx.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";
import { LONG, reduceMiddle } from "./reduce.ts";
import { rowsOf } from "./softmax.ts";
import { defineWidths, runWidest } from "./widths.ts";

const include = [gridLib, finiteLib, mathLib, largerLib];
const crossEntropyParams = { rows: "u32", classes: "u32", ignored: "u32", weighted: "u32", smoothing: "f32" } as const;
const klDivergenceParams = { rows: "u32", classes: "u32", temperature: "f32" } as const;

const crossEntropyKernel = defineKernel({
  name: "cross_entropy",
  source: crossEntropySource,
  include,
  bindings: { logits: "read", labels: "read", weights: "read", stats: "write" },
  params: crossEntropyParams,
});

const crossEntropyMeanKernel = defineKernel({
  name: "cross_entropy_mean",
  source: crossEntropyMeanSource,
  include: [gridLib],
  bindings: { stats: "read", sums: "write", y: "write" },
  params: { n: "u32" },
});

const crossEntropyGradientKernel = defineKernel({
  name: "cross_entropy_dx",
  source: crossEntropyGradientSource,
  include,
  bindings: {
    ...{ logits: "read", labels: "read", weights: "read", stats: "read" },
    ...{ sums: "read", dy: "read", dx: "write" },
  },
  params: crossEntropyParams,
});

const klDivergenceKernel = defineKernel({
  name: "kl_divergence",
  source: klDivergenceSource,
  include,
  bindings: { student: "read", teacher: "read", stats: "write" },
  params: klDivergenceParams,
});

const klDivergenceGradientKernel = defineKernel({
  name: "kl_divergence_dx",
  source: klDivergenceGradientSource,
  include,
  bindings: { student: "read", teacher: "read", stats: "read", dy: "read", dx: "write" },
  params: klDivergenceParams,
  constants: ["TEACHER"],
});

const mseKernel = defineWidths({
  name: "mse",
  source: mseSource,
  elements: ["a", "b"],
  bindings: { a: "read", b: "read", partial: "write" },
  params: { n: "u32", parts: "u32" },
  // Subtract, square, add.
  cost: ({ a }) => ({ flops: 3 * a.size }),
});

const mseGradientKernel = defineWidths({
  name: "mse_dx",
  source: mseGradientSource,
  elements: ["a", "b", "da"],
  bindings: { a: "read", b: "read", dy: "read", da: "write" },
  params: { n: "u32", scale: "f32" },
  cost: ({ a }) => ({ flops: 2 * a.size }),
});

/** Attributes of crossEntropy: the class that does not count, and the share of the target spread over all classes. */
export interface CrossEntropyAttrs {
  ignoreIndex: number;
  labelSmoothing: number;
}

const crossEntropyOp = defineOp<CrossEntropyAttrs>({
  name: "crossEntropy",
  dtypes: ["f32", "u32", "f32"],
  shape([logits, target, classWeights], { ignoreIndex, labelSmoothing }) {
    const { columns } = rowsOf("crossEntropy", logits!.shape);
    expectShape("crossEntropy", "target", target!, logits!.shape.slice(0, -1));
    if (classWeights) expectShape("crossEntropy", "classWeights", classWeights, [columns]);
    const index = Number.isInteger(ignoreIndex) && ignoreIndex >= 0 && ignoreIndex < 2 ** 32;
    expect(index, "crossEntropy", "a whole number from 0 for ignoreIndex", String(ignoreIndex));
    const share = labelSmoothing >= 0 && labelSmoothing <= 1;
    expect(share, "crossEntropy", "labelSmoothing between 0 and 1", String(labelSmoothing));
    return [];
  },
  forward(device, inputs, attrs, shape) {
    const gpu = device as GpuDevice;
    const { tensors, params } = crossEntropyArguments(inputs, attrs);
    const { rows } = params;
    const stats = gpu.empty([5, rows], "crossEntropy");
    crossEntropyKernel.run(gpu, { ...tensors, stats }, params, { threads: rows });
    // The losses and weights of many rows are joined by many threads first.
    const joined = rows >= LONG ? reduceMiddle(gpu, stats, [2, rows, 1], "sum") : null;
    const sums = gpu.empty([2], "crossEntropy");
    const output = gpu.empty(shape, "crossEntropy");
    const n = joined ? 1 : rows;
    crossEntropyMeanKernel.run(gpu, { stats: joined ?? stats, sums, y: output }, { n }, { threads: 1 });
    joined?.dispose();
    return { output, saved: [stats, sums] };
  },
  vjp(device, { inputs, saved, attrs }, dy, needs) {
    const gpu = device as GpuDevice;
    const nothing = inputs.slice(1).map(() => null);
    if (!needs[0]) return [null, ...nothing];
    const [stats, sums] = saved as [Tensor, Tensor];
    const { tensors, params } = crossEntropyArguments(inputs, attrs);
    const dx = gpu.empty(tensors.logits.shape, "crossEntropy gradient");
    crossEntropyGradientKernel.run(gpu, { ...tensors, stats, sums, dy, dx }, params, { threads: params.rows });
    return [dx, ...nothing];
  },
});

/** The inputs and parameters both kernels of the cross entropy take. */
function crossEntropyArguments(inputs: readonly Tensor[], { ignoreIndex, labelSmoothing }: CrossEntropyAttrs) {
  const [logits, labels, classWeights] = inputs as [Tensor, Tensor, Tensor?];
  const { rows, columns } = rowsOf("crossEntropy", logits.shape);
  const params = {
    ...{ rows, classes: columns, ignored: ignoreIndex },
    ...{ weighted: classWeights ? 1 : 0, smoothing: labelSmoothing },
  };
  // Without class weights the binding is there all the same, and not read.
  return { tensors: { logits, labels, weights: classWeights ?? logits }, params };
}

/** Attributes of klDivergence. */
export interface KlDivergenceAttrs {
  temperature: number;
}

const klDivergenceOp = defineOp<KlDivergenceAttrs>({
  name: "klDivergence",
  shape([student, teacher], { temperature }) {
    const { rows } = rowsOf("klDivergence", student!.shape);
    expect(rows > 0, "klDivergence", "at least one row", showShape(student!.shape));
    expectShape("klDivergence", "teacher", teacher!, student!.shape);
    const positive = temperature > 0 && Number.isFinite(temperature);
    expect(positive, "klDivergence", "a temperature above 0", String(temperature));
    return [];
  },
  forward(device, [student, teacher], { temperature }, shape) {
    const gpu = device as GpuDevice;
    const { rows, columns } = rowsOf("klDivergence", student!.shape);
    const stats = gpu.empty([5, rows], "klDivergence");
    const params = { rows, classes: columns, temperature };
    klDivergenceKernel.run(gpu, { student: student!, teacher: teacher!, stats }, params, { threads: rows });
    const total = reduceMiddle(gpu, stats, [1, rows, 1], "sum", temperature ** 2 / rows);
    const output = total.view(shape);
    total.dispose();
    return { output, saved: [stats] };
  },
  vjp(device, { inputs, saved, attrs: { temperature } }, dy, needs) {
    const gpu = device as GpuDevice;
    const [student, teacher] = inputs as [Tensor, Tensor];
    const { rows, columns } = rowsOf("klDivergence", student.shape);
    const params = { rows, classes: columns, temperature };
    return inputs.map((input, side) => {
      if (!needs[side]) return null;
      const dx = gpu.empty(input.shape, "klDivergence gradient");
      const tensors = { student, teacher, stats: saved[0]!, dy, dx };
      klDivergenceGradientKernel.run(gpu, tensors, params, { threads: rows }, { TEACHER: side === 1 });
      return dx;
    });
  },
});

const mseOp = defineOp<Record<never, never>>({
  name: "mse",
  elements: [0, 1],
  shape([a, b]) {
    expectShape("mse", "b", b!, a!.shape);
    expect(a!.size > 0, "mse", "at least one element", showShape(a!.shape));
    return [];
  },
  forward(device, [a, b], _attrs, shape) {
    const gpu = device as GpuDevice;
    const n = a!.size;
    const parts = Math.ceil(Math.sqrt(n));
    const partial = gpu.empty([parts], "mse");
    runWidest(
      gpu,
      mseKernel,
      { a: a!, b: b!, partial },
      { params: { n, parts }, along: ["n"], times: 1, threads: parts },
    );
    const total = reduceMiddle(gpu, partial, [1, parts, 1], "sum", 1 / n);
    const y = total.view(shape);
    for (const scratch of [partial, total]) scratch.dispose();
    return y;
  },
  vjp(device, { inputs: [a, b] }, dy, needs) {
    const gpu = device as GpuDevice;
    const n = a!.size;
    const gradient = (from: Tensor, to: Tensor) => {
      const da = gpu.empty(from.shape, "mse gradient", from.dtype);
      const job = { params: { n, scale: 2 / n }, along: ["n"] as const, times: 1 };
      runWidest(gpu, mseGradientKernel, { a: from, b: to, dy, da }, job);
      return da;
    };
    return [needs[0] ? gradient(a!, b!) : null, needs[1] ? gradient(b!, a!) : null];
  },
});

/** The losses by name. */
export const lossOps = { crossEntropy: crossEntropyOp, klDivergence: klDivergenceOp, mse: mseOp };

/** Options of crossEntropy. */
export interface CrossEntropyOptions extends Partial<CrossEntropyAttrs> {
  /** Weight of each class, [C]. */
  classWeights?: Tensor | null;
}

/**
 * Mean cross entropy of logits[..., C] against u32 classes target[...], a rank-0 tensor: rows of class `ignoreIndex`
 * (default 255) do not count, the mean is weighted by the targets' class weights, and it is 0 where no row counts.
 * Any other target outside 0..C-1 makes it NaN. Source: PyTorch, CrossEntropyLoss.
 * @throws ShapeError
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { ignoreIndex = 255, labelSmoothing = 0, classWeights = null } = options;
  const inputs = classWeights ? [logits, target, classWeights] : [logits, target];
  return crossEntropyOp.apply(inputs, { ignoreIndex, labelSmoothing });
}

/**
 * T² times the mean over rows of KL(softmax(teacher / T) || softmax(student / T)), both [..., C] logits; a rank-0 tensor.
 * Source: Hinton et al., arXiv 1503.02531.
 * @throws ShapeError
 */
export function klDivergence(
  student: Tensor,
  teacher: Tensor,
  { temperature = 2 }: Partial<KlDivergenceAttrs> = {},
): Tensor {
  return klDivergenceOp.apply([student, teacher], { temperature });
}

/** Mean squared difference of two tensors of one shape; a rank-0 tensor. @throws ShapeError */
export function mse(a: Tensor, b: Tensor): Tensor {
  return mseOp.apply([a, b], {});
}
