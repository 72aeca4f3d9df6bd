import blockLib from "../../shaders/lib/block.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import lanesLib from "../../shaders/lib/lanes.wgsl";
import tileLib from "../../shaders/lib/tile.wgsl";
import source from "../../shaders/matmul.wgsl";
import blockedSource from "../../shaders/matmul_blocked.wgsl";
import matrixSource from "../../shaders/matmul_subgroup_matrix.wgsl";
import subgroupsSource from "../../shaders/matmul_subgroups.wgsl";
import tiledSource from "../../shaders/matmul_tiled.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";
import {
  blockTiles,
  fragmentSide,
  fragmentTiles,
  lanesOf,
  laneTiles,
  preferredTiles,
  workgroupTiles,
} from "./tiles.ts";

const bindings = { a: "read", b: "read", y: "write" } as const;
const elements = ["a", "b", "y"] as const;
const params = {
  rows: "u32",
  inner: "u32",
  cols: "u32",
  a_row: "u32",
  a_col: "u32",
  b_row: "u32",
  b_col: "u32",
  batches: "u32",
} as const;

const registerKernel = defineKernel({ name: "matmul", source, include: [gridLib], bindings, elements, params });
const tiledKernel = defineKernel({
  name: "matmul_tiled",
  source: tiledSource,
  include: [tileLib],
  bindings,
  elements,
  params,
  constants: ["T"],
  workgroup: null,
});

const blockedKernel = defineKernel({
  name: "matmul_blocked",
  source: blockedSource,
  include: [blockLib],
  bindings,
  elements,
  params,
  constants: ["T"],
  workgroup: null,
});

const subgroupsKernel = defineKernel({
  name: "matmul_subgroups",
  source: subgroupsSource,
  enable: ["subgroups"],
  include: [lanesLib],
  bindings,
  elements,
  params,
  constants: ["LANES", "QUADS", "A_TRANSPOSED", "B_TRANSPOSED"],
  workgroup: null,
});

const matrixKernel = defineKernel({
  name: "matmul_subgroup_matrix",
  source: matrixSource,
  enable: ["chromium_experimental_subgroup_matrix"],
  bindings,
  elements,
  params,
  constants: ["LANES", "SIDE", "A_TRANSPOSED", "B_TRANSPOSED"],
  workgroup: null,
});

/** Which operands of a product are read transposed. */
export interface MatmulAttrs {
  transposeA: boolean;
  transposeB: boolean;
}

interface Product extends MatmulAttrs {
  tensors: { a: Tensor; b: Tensor; y: Tensor };
  values: Record<keyof typeof params, number>;
}

// Vectors run along the innermost axis of each matrix.
const vectorised = ({ values: { rows, inner, cols }, transposeA }: Product) =>
  inner % 4 === 0 && cols % 4 === 0 && (!transposeA || rows % 4 === 0);
const onLanes = (gpu: GpuDevice, job: Product) => lanesOf(gpu) > 0 && vectorised(job);

const sideOf = (gpu: GpuDevice, { tensors, values: { rows, inner, cols } }: Product) =>
  tensors.a.dtype === "f16" ? fragmentSide(gpu, [rows, inner, cols]) : 0;

const extents = ({ rows, cols, batches }: Product["values"]) => ({ rows, cols, times: batches });

const family = defineFamily<Product>({
  name: "matmul",
  variants: {
    registers: {
      run(gpu, { tensors, values }) {
        const threads = Math.ceil(values.rows / 4) * Math.ceil(values.cols / 4) * values.batches;
        registerKernel.run(gpu, tensors, values, { threads });
      },
    },
    tiled: {
      run: (gpu, { tensors, values }) => tiledKernel.run(gpu, tensors, values, ...workgroupTiles(8, extents(values))),
    },
    tiledLarge: {
      run: (gpu, { tensors, values }) => tiledKernel.run(gpu, tensors, values, ...workgroupTiles(16, extents(values))),
    },
    blocked: {
      supports: (_gpu, job) => vectorised(job),
      run: (gpu, { tensors, values }) => blockedKernel.run(gpu, tensors, values, ...blockTiles(8, extents(values))),
    },
    blockedLarge: {
      supports: (_gpu, job) => vectorised(job),
      run: (gpu, { tensors, values }) => blockedKernel.run(gpu, tensors, values, ...blockTiles(16, extents(values))),
    },
    subgroups: {
      supports: onLanes,
      run(gpu, { tensors, values, transposeA: A_TRANSPOSED, transposeB: B_TRANSPOSED }) {
        const [extent, lanes] = laneTiles(gpu, extents(values));
        subgroupsKernel.run(gpu, tensors, values, extent, { ...lanes, A_TRANSPOSED, B_TRANSPOSED });
      },
    },
    subgroupMatrix: {
      supports: (gpu, job) => sideOf(gpu, job) > 0,
      run(gpu, job) {
        const { tensors, values, transposeA: A_TRANSPOSED, transposeB: B_TRANSPOSED } = job;
        const [extent, tile] = fragmentTiles(gpu, sideOf(gpu, job), extents(values));
        matrixKernel.run(gpu, tensors, values, extent, { ...tile, A_TRANSPOSED, B_TRANSPOSED });
      },
    },
  },
  prefer: (gpu, { values }) => [
    ...(gpu.adapter.software ? ["subgroups"] : preferredTiles(extents(values))),
    "registers",
  ],
  flops: ({ values: { rows, inner, cols, batches } }) => 2 * rows * inner * cols * batches,
});

/** Runs op(a)·op(b), untracked. */
function product(gpu: GpuDevice, a: Tensor, b: Tensor, attrs: MatmulAttrs): Tensor {
  const { transposeA, transposeB } = attrs;
  const [inner, rows] = transposeA ? a.shape : [a.shape[1], a.shape[0]];
  const cols = b.shape[transposeB ? 0 : 1];
  const [a_row, a_col] = transposeA ? [1, a.shape[1]] : [a.shape[1], 1];
  const [b_row, b_col] = transposeB ? [1, b.shape[1]] : [b.shape[1], 1];
  const y = gpu.empty([rows!, cols!], "matmul", a.dtype);
  const values = { rows, inner, cols, a_row, a_col, b_row, b_col, batches: 1 } as Product["values"];
  if (y.size > 0) family.run(gpu, { tensors: { a, b, y }, values, ...attrs });
  return y;
}

/** The products y[i] = a[i]·b[i] of [n,m,k] and [n,k,l] as [n,m,l], written to y, untracked. */
export function batchedProduct(gpu: GpuDevice, a: Tensor, b: Tensor, y: Tensor): void {
  const [batches, rows, inner] = a.shape as [number, number, number];
  const cols = b.shape[2]!;
  const values = { rows, inner, cols, a_row: inner, a_col: 1, b_row: cols, b_col: 1, batches };
  if (y.size > 0) family.run(gpu, { tensors: { a, b, y }, values, transposeA: false, transposeB: false });
}

/** The product of two matrices as an op. */
export const matmulOp = defineOp<MatmulAttrs>({
  name: "matmul",
  elements: [0, 1],
  shape([a, b], { transposeA, transposeB }) {
    for (const [name, matrix] of [["a", a!] as const, ["b", b!] as const])
      expect(matrix.shape.length === 2, "matmul", `${name} with two axes`, showShape(matrix.shape));
    const [inner, rows] = transposeA ? a!.shape : [a!.shape[1], a!.shape[0]];
    const [cols, innerB] = transposeB ? b!.shape : [b!.shape[1], b!.shape[0]];
    const flags = (on: boolean) => (on ? " transposed" : "");
    expect(
      inner === innerB,
      "matmul",
      "equal inner extents",
      `${showShape(a!.shape)}${flags(transposeA)} and ${showShape(b!.shape)}${flags(transposeB)}`,
    );
    return [rows!, cols!];
  },
  forward: (device, [a, b], attrs) => product(device as GpuDevice, a!, b!, attrs),
  vjp(device, { inputs, attrs: { transposeA, transposeB } }, dy, needs) {
    const gpu = device as GpuDevice;
    const [a, b] = inputs as [Tensor, Tensor];
    const da = () =>
      transposeA
        ? product(gpu, b, dy, { transposeA: transposeB, transposeB: true })
        : product(gpu, dy, b, { transposeA: false, transposeB: !transposeB });
    const db = () =>
      transposeB
        ? product(gpu, dy, a, { transposeA: true, transposeB: transposeA })
        : product(gpu, a, dy, { transposeA: !transposeA, transposeB: false });
    return [needs[0] ? da() : null, needs[1] ? db() : null];
  },
});

/**
 * op(a)·op(b) of two matrices: [m,k]·[k,n] → [m,n], where `transposeA` reads a as [k,m] and `transposeB` b as [n,k]. Where both
 * are f16, so are the result and the gradients; sums are f32.
 * @throws ShapeError unless both have two axes and the inner extents are equal.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Partial<MatmulAttrs> = {},
): Tensor {
  return matmulOp.apply([a, b], { transposeA, transposeB });
}
