import gridLib from "../../shaders/lib/grid.wgsl";
import tileLib from "../../shaders/lib/tile.wgsl";
import source from "../../shaders/matmul.wgsl";
import tiledSource from "../../shaders/matmul_tiled.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect, showShape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";

const bindings = { a: "read", b: "read", y: "write" } as const;
const params = {
  rows: "u32",
  inner: "u32",
  cols: "u32",
  a_row: "u32",
  a_col: "u32",
  b_row: "u32",
  b_col: "u32",
} as const;

const registerKernel = defineKernel({ name: "matmul", source, include: [gridLib], bindings, params });
const tiledKernel = defineKernel({
  name: "matmul_tiled",
  source: tiledSource,
  include: [tileLib],
  bindings,
  params,
  constants: ["T"],
  workgroup: null,
});

/** Which operands of a product are read transposed. */
export interface MatmulAttrs {
  transposeA: boolean;
  transposeB: boolean;
}

interface Product {
  tensors: { a: Tensor; b: Tensor; y: Tensor };
  values: Record<keyof typeof params, number>;
}

const family = defineFamily<Product>({
  name: "matmul",
  variants: {
    registers: {
      run(gpu, { tensors, values }) {
        const threads = Math.ceil(values.rows / 4) * Math.ceil(values.cols / 4);
        registerKernel.run(gpu, tensors, values, { threads });
      },
    },
    tiled: {
      run(gpu, { tensors, values }) {
        const T = tileSide(values.rows, values.cols);
        const tiles = (extent: number) => Math.ceil(extent / (4 * T));
        const [x, y] = fold(tiles(values.rows));
        tiledKernel.run(gpu, tensors, values, { groups: [x, y, tiles(values.cols)] }, { T });
      },
    },
  },
  prefer: (gpu) => (gpu.adapter.software ? "registers" : "tiled"),
});

/** Threads along each side of a workgroup: 16 where the 64 × 64 tiles are many enough to fill a GPU, else 8. */
export function tileSide(rows: number, cols: number): 8 | 16 {
  return rows * cols >= 256 * 64 * 64 && cols > 32 ? 16 : 8;
}

/** Runs op(a)·op(b), untracked. */
function product(gpu: GpuDevice, a: Tensor, b: Tensor, { transposeA, transposeB }: MatmulAttrs): Tensor {
  const [inner, rows] = transposeA ? a.shape : [a.shape[1], a.shape[0]];
  const cols = b.shape[transposeB ? 0 : 1];
  const [a_row, a_col] = transposeA ? [1, a.shape[1]] : [a.shape[1], 1];
  const [b_row, b_col] = transposeB ? [1, b.shape[1]] : [b.shape[1], 1];
  const y = gpu.empty([rows!, cols!], "matmul");
  const values = { rows, inner, cols, a_row, a_col, b_row, b_col } as Product["values"];
  if (y.size > 0) family.run(gpu, { tensors: { a, b, y }, values });
  return y;
}

/** The product of two matrices as an op. */
export const matmulOp = defineOp<MatmulAttrs>({
  name: "matmul",
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
 * op(a)·op(b) of two matrices: [m,k]·[k,n] → [m,n], where `transposeA` reads a as [k,m] and `transposeB` b as [n,k].
 * @throws ShapeError unless both have two axes and the inner extents are equal.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Partial<MatmulAttrs> = {},
): Tensor {
  return matmulOp.apply([a, b], { transposeA, transposeB });
}
