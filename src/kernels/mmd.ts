import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import mathLib from "../../shaders/lib/math.wgsl";
import kernelsLib from "../../shaders/lib/mmd_kernels.wgsl";
import distanceSource from "../../shaders/mmd_distance.wgsl";
import distanceRegistersSource from "../../shaders/mmd_distance_registers.wgsl";
import distanceSubgroupsSource from "../../shaders/mmd_distance_subgroups.wgsl";
import gradientSource from "../../shaders/mmd_dx.wgsl";
import gradientSubgroupsSource from "../../shaders/mmd_dx_subgroups.wgsl";
import joinSource from "../../shaders/mmd_join.wgsl";
import valueSource from "../../shaders/mmd_value.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";
import { reduceMiddle } from "./reduce.ts";
import { lanesOf } from "./tiles.ts";

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

const distanceSubgroupsKernel = defineKernel({
  name: "mmd_distance_subgroups",
  source: distanceSubgroupsSource,
  enable: ["subgroups"],
  bindings: { a: "read", b: "read", partial: "write" },
  params: {
    ...{ rows: "u32", width: "u32", chunk: "u32", chunks: "u32" },
    ...{ stride: "u32", at: "u32", symmetric: "u32" },
  },
  constants: ["LANES"],
  workgroup: null,
});

const joinKernel = defineKernel({
  name: "mmd_join",
  source: joinSource,
  include: [gridLib],
  bindings: { partial: "read", distances: "write", sums: "write" },
  params: { rows: "u32", chunks: "u32", span: "u32", n: "u32" },
});

const valueKernel = defineKernel({
  name: "mmd_value",
  source: valueSource,
  include: [gridLib, finiteLib, mathLib, kernelsLib],
  bindings: { distances: "read", total: "read", values: "write", weights: "write" },
  params: { rows: "u32", span: "u32", n: "u32", kernels: "u32", multiplier: "f32", lowest: "f32" },
});

const gradientSpec = {
  bindings: { x: "read", other: "read", weights: "read", dy: "read", dx: "write" },
  params: { rows: "u32", width: "u32", own_at: "u32", cross_at: "u32", factor: "f32" },
  workgroup: null,
} as const;

const gradientKernel = defineKernel({ ...gradientSpec, name: "mmd_dx", source: gradientSource });

const gradientSubgroupsKernel = defineKernel({
  ...gradientSpec,
  name: "mmd_dx_subgroups",
  source: gradientSubgroupsSource,
  enable: ["subgroups"],
  constants: ["LANES"],
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

// Threads wanted in one run of the variant in registers, and subgroups in one of the variant that uses them.
const WANTED_THREADS = 1024;
const WANTED_SUBGROUPS = 16;

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

const distanceVectors = (gpu: GpuDevice, { width }: Distances) => lanesOf(gpu) > 0 && width % 4 === 0;

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
    subgroups: {
      supports: distanceVectors,
      run(gpu, args) {
        const { rows } = args;
        const width = args.width / 4;
        const LANES = lanesOf(gpu);
        const tiles = Math.ceil(rows / (4 * LANES)) * Math.ceil(rows / 16);
        const wanted = Math.max(Math.ceil(WANTED_SUBGROUPS / tiles), Math.ceil(width / LONGEST));
        const chunk = Math.ceil(width / wanted);
        const chunks = Math.ceil(width / chunk);
        forEachPair(gpu, args, chunks, ({ a, b, partial, stride, at }) => {
          const values = { rows, width, chunk, chunks, stride, at, symmetric: a === b ? 1 : 0 };
          distanceSubgroupsKernel.run(gpu, { a, b, partial }, values, { groups: fold(tiles * chunks) }, { LANES });
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
  prefer: (gpu) => (gpu.adapter.software ? ["subgroups", "registers"] : ["tiled"]),
  // Subtract, square, add: in each column of each pair of rows of both sets together.
  flops: ({ rows, width }) => 3 * rows * (2 * rows + 1) * width,
});

/** The gradient of one set's rows. */
interface Gradient {
  tensors: { x: Tensor; other: Tensor; weights: Tensor; dy: Tensor; dx: Tensor };
  values: Record<keyof typeof gradientSpec.params, number>;
}

const gradientVectors = (gpu: GpuDevice, { values: { rows, width } }: Gradient) =>
  lanesOf(gpu) > 0 && rows % 4 === 0 && width % 4 === 0;

const gradientFamily = defineFamily<Gradient>({
  name: "mmd_dx",
  variants: {
    registers: {
      run(gpu, { tensors, values }) {
        const groups = [Math.ceil(values.width / (TILE * THREADS)), Math.ceil(values.rows / TILE), 1] as const;
        gradientKernel.run(gpu, tensors, values, { groups });
      },
    },
    subgroups: {
      supports: gradientVectors,
      run(gpu, { tensors, values }) {
        const LANES = lanesOf(gpu);
        const groups = fold(Math.ceil(values.rows / (LANES < 8 ? 4 : 8)) * Math.ceil(values.width / (4 * LANES)));
        gradientSubgroupsKernel.run(gpu, tensors, values, { groups }, { LANES });
      },
    },
  },
  prefer: (gpu) => (gpu.adapter.software ? ["subgroups", "registers"] : ["registers"]),
  // Subtract, multiply, add: each row of a set against all of both.
  flops: ({ values: { rows, width } }) => 3 * rows * 2 * rows * width,
});

/** Squared distances [2B, 2B] of all pairs of rows of both sets, and their sum. */
function squaredDistances(gpu: GpuDevice, source: Tensor, target: Tensor): { distances: Tensor; total: Tensor } {
  const [rows, width] = source.shape as [number, number];
  const args: Distances = { source, target, rows, width };
  distanceFamily.run(gpu, args);
  const partial = args.partial!;
  const distances = gpu.empty([2 * rows, 2 * rows], "mmd");
  const { span, sums } = columnSums(gpu, rows, 2 * rows);
  const params = { rows, chunks: partial.shape[0]!, span, n: sums.size };
  joinKernel.run(gpu, { partial, distances, sums }, params, { threads: sums.size });
  partial.dispose();
  const total = reduceMiddle(gpu, sums, [1, sums.size, 1], "sum");
  sums.dispose();
  return { distances, total };
}

/** Room for sums of each of 2B columns over `length` rows, cut into parts of `span` rows so that a GPU has enough threads. */
function columnSums(gpu: GpuDevice, rows: number, length: number): { span: number; sums: Tensor } {
  const span = gpu.adapter.software ? 128 : 16;
  return { span, sums: gpu.empty([Math.ceil(length / span) * 2 * rows], "mmd") };
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
  forward(device, [source, target], { kernels, multiplier }, shape) {
    const gpu = device as GpuDevice;
    const rows = source!.shape[0]!;
    const { distances, total } = squaredDistances(gpu, source!, target!);
    const { span, sums: values } = columnSums(gpu, rows, rows);
    const weights = gpu.empty(distances.shape, "mmd");
    const lowest = multiplier ** -Math.floor(kernels / 2);
    const params = { rows, span, n: values.size, kernels, multiplier, lowest };
    valueKernel.run(gpu, { distances, total, values, weights }, params, { threads: values.size });
    const mean = reduceMiddle(gpu, values, [1, values.size, 1], "sum", 1 / rows ** 2);
    const output = mean.view(shape);
    for (const scratch of [distances, total, values, mean]) scratch.dispose();
    return { output, saved: [weights] };
  },
  vjp(device, { inputs, saved: [weights] }, dy, needs) {
    const gpu = device as GpuDevice;
    const [rows, width] = inputs[0]!.shape as [number, number];
    return inputs.map((x, side) => {
      if (!needs[side]) return null;
      const dx = gpu.empty(x.shape, "mmd gradient");
      // Each pair occurs twice in the sum, and the squared distance has the derivative 2 (z_i - z_j).
      const factor = 4 / rows ** 2;
      const top = side * rows * 2 * rows;
      const values = { rows, width, own_at: top + side * rows, cross_at: top + (1 - side) * rows, factor };
      gradientFamily.run(gpu, { tensors: { x, other: inputs[1 - side]!, weights: weights!, dy, dx }, values });
      return dx;
    });
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
