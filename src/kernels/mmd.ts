import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import mathLib from "../../shaders/lib/math.wgsl";
import kernelsLib from "../../shaders/lib/mmd_kernels.wgsl";
import distanceSource from "../../shaders/mmd_distance.wgsl";
import distanceRegistersSource from "../../shaders/mmd_distance_registers.wgsl";
import gradientSource from "../../shaders/mmd_dx.wgsl";
import valueSource from "../../shaders/mmd_value.wgsl";
import weightsSource from "../../shaders/mmd_weights.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";
import { reduceMiddle } from "./reduce.ts";

const include = [gridLib, finiteLib, mathLib, kernelsLib];
const params = { rows: "u32", kernels: "u32", multiplier: "f32", lowest: "f32" } as const;

const distanceKernel = defineKernel({
  name: "mmd_distance",
  source: distanceSource,
  bindings: { a: "read", b: "read", partial: "write" },
  params: { rows: "u32", width: "u32", chunk: "u32", stride: "u32", at: "u32", symmetric: "u32" },
  workgroup: null,
});

const distanceRegistersKernel = defineKernel({
  name: "mmd_distance_registers",
  source: distanceRegistersSource,
  include: [gridLib],
  bindings: { a: "read", b: "read", partial: "write" },
  params: { rows: "u32", width: "u32", chunk: "u32", chunks: "u32", stride: "u32", at: "u32" },
});

const valueKernel = defineKernel({
  name: "mmd_value",
  source: valueSource,
  include,
  bindings: { distances: "read", sums: "read", values: "write" },
  params,
});

const weightsKernel = defineKernel({
  name: "mmd_weights",
  source: weightsSource,
  include,
  bindings: { distances: "read", sums: "read", dy: "read", weights: "write" },
  params,
});

const gradientKernel = defineKernel({
  name: "mmd_dx",
  source: gradientSource,
  bindings: { x: "read", other: "read", weights: "read", dx: "write" },
  params: { rows: "u32", width: "u32", own_at: "u32", cross_at: "u32", cross_i: "u32", cross_j: "u32" },
  workgroup: null,
});

// Pairs of rows a tile has along each side, and columns a workgroup covers in one step.
const TILE = 4;
const THREADS = 64;
// Workgroups wanted in one run, and the most columns a thread may add up before its rounding error shows.
const WORKGROUPS = 512;
const LONGEST = 512;

/** Attributes of mmd: the number of Gaussian kernels and the ratio of their bandwidths. */
export interface MmdAttrs {
  kernels: number;
  multiplier: number;
}

// Threads wanted in one run of the variant in registers.
const WANTED_THREADS = 1024;

/** What the squared distances are computed from, and where they go. */
interface Distances {
  source: Tensor;
  target: Tensor;
  rows: number;
  width: number;
  /** Filled by the variant: partial sums [chunks, 3, B, B]. */
  partial?: Tensor;
}

type Pair = { a: Tensor; b: Tensor; partial: Tensor; stride: number; at: number };

/** Runs `each` for the blocks source-source, source-target and target-target of the partial sums. */
function forEachPair(gpu: GpuDevice, args: Distances, chunks: number, each: (pair: Pair) => void): void {
  const { source, target, rows } = args;
  const block = rows * rows;
  const partial = gpu.empty([chunks, 3 * block], "mmd");
  args.partial = partial;
  const pairs = [
    [source, source],
    [source, target],
    [target, target],
  ] as const;
  for (const [k, [a, b]] of pairs.entries()) each({ a, b, partial, stride: 3 * block, at: k * block });
}

const distanceFamily = defineFamily<Distances>({
  name: "mmd_distance",
  variants: {
    registers: {
      run(gpu, args) {
        const { rows, width } = args;
        const tiles = Math.ceil(rows / TILE);
        const wanted = Math.max(Math.ceil(WANTED_THREADS / tiles ** 2), Math.ceil(width / LONGEST));
        const chunk = Math.ceil(width / wanted);
        const chunks = Math.ceil(width / chunk);
        forEachPair(gpu, args, chunks, ({ a, b, partial, stride, at }) => {
          const values = { rows, width, chunk, chunks, stride, at };
          distanceRegistersKernel.run(gpu, { a, b, partial }, values, { threads: tiles * tiles * chunks });
        });
      },
    },
    tiled: {
      run(gpu, args) {
        const { rows, width } = args;
        const tiles = Math.ceil(rows / TILE);
        const wanted = Math.max(Math.ceil(WORKGROUPS / tiles ** 2), Math.ceil(width / (THREADS * LONGEST)));
        const chunk = THREADS * Math.ceil(width / (THREADS * wanted));
        const chunks = Math.ceil(width / chunk);
        forEachPair(gpu, args, chunks, ({ a, b, partial, stride, at }) => {
          const values = { rows, width, chunk, stride, at, symmetric: a === b ? 1 : 0 };
          distanceKernel.run(gpu, { a, b, partial }, values, { groups: [chunks, tiles, tiles] });
        });
      },
    },
  },
  prefer: (gpu) => (gpu.adapter.software ? "registers" : "tiled"),
});

/** Squared distances [3, B, B] of the pairs of rows source-source, source-target and target-target. */
function squaredDistances(gpu: GpuDevice, source: Tensor, target: Tensor): Tensor {
  const [rows, width] = source.shape as [number, number];
  const args: Distances = { source, target, rows, width };
  distanceFamily.run(gpu, args);
  const partial = args.partial!;
  const distances = reduceMiddle(gpu, partial, [1, partial.shape[0]!, 3 * rows * rows], "sum");
  partial.dispose();
  return distances;
}

function paramsOf(source: Tensor, { kernels, multiplier }: MmdAttrs) {
  return { rows: source.shape[0]!, kernels, multiplier, lowest: multiplier ** -Math.floor(kernels / 2) };
}

/** The op behind mmd(): inputs source, target. */
export const mmdOp = defineOp<MmdAttrs>({
  name: "mmd",
  shape([source, target], { kernels, multiplier }) {
    const { shape, size } = source!;
    expect(shape.length === 2 && size > 0, "mmd", "rows [B,D] with at least one element", showShape(shape));
    expectShape("mmd", "target", target!, shape);
    expect(Number.isInteger(kernels) && kernels > 0, "mmd", "at least one kernel", String(kernels));
    const positive = multiplier > 0 && Number.isFinite(multiplier);
    expect(positive, "mmd", "a multiplier above 0", String(multiplier));
    return [];
  },
  forward(device, [source, target], attrs, shape) {
    const gpu = device as GpuDevice;
    const block = source!.shape[0]! ** 2;
    const distances = squaredDistances(gpu, source!, target!);
    const sums = reduceMiddle(gpu, distances, [3, block, 1], "sum");
    const values = gpu.empty([block], "mmd");
    valueKernel.run(gpu, { distances, sums, values }, paramsOf(source!, attrs), { threads: block });
    const mean = reduceMiddle(gpu, values, [1, block, 1], "sum", 1 / block);
    const output = mean.view(shape);
    values.dispose();
    mean.dispose();
    return { output, saved: [distances, sums] };
  },
  vjp(device, { inputs, saved, attrs }, dy, needs) {
    const gpu = device as GpuDevice;
    const [distances, sums] = saved as [Tensor, Tensor];
    const [rows, width] = inputs[0]!.shape as [number, number];
    const block = rows * rows;
    const weights = gpu.empty([3 * block], "mmd gradient");
    const tensors = { distances, sums, dy, weights };
    weightsKernel.run(gpu, tensors, paramsOf(inputs[0]!, attrs), { threads: weights.size });
    const gradients = inputs.map((x, side) => {
      if (!needs[side]) return null;
      const dx = gpu.empty(x.shape, "mmd gradient");
      // The target's rows are the columns of the block source-target.
      const [cross_i, cross_j] = side === 0 ? [rows, 1] : [1, rows];
      const values = { rows, width, own_at: 2 * side * block, cross_at: block, cross_i, cross_j };
      const groups = [Math.ceil(width / (TILE * THREADS)), Math.ceil(rows / TILE), 1] as const;
      gradientKernel.run(gpu, { x, other: inputs[1 - side]!, weights, dx }, values, { groups });
      return dx;
    });
    weights.dispose();
    return gradients;
  },
});

/**
 * Multi-kernel maximum mean discrepancy of the rows of source[B,D] and target[B,D], a rank-0 tensor: the mean over B x B of
 * K_ss + K_tt - K_st - K_ts with K = Σ_k exp(-distance² / b_k), b_k = b · multiplier^(k - ⌊kernels / 2⌋), and b the mean
 * squared distance of two different rows, taken as a constant by the gradient. Equal sets give 0.
 * Source: Long et al., arXiv 1502.02791 (biased estimate, summed kernels).
 * @throws ShapeError
 */
export function mmd(source: Tensor, target: Tensor, { kernels = 5, multiplier = 2 }: Partial<MmdAttrs> = {}): Tensor {
  return mmdOp.apply([source, target], { kernels, multiplier });
}
