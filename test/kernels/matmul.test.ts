import { matmul, matmulOp } from "../../src/kernels/matmul.ts";
import type { GpuDevice } from "../../src/tensor/index.ts";
import { opSuite } from "./suite.ts";

const sizes: [rows: number, inner: number, cols: number][] = [
  [8, 12, 16],
  [1, 1, 1],
  [1, 7, 1],
  [7, 1, 5],
  [13, 17, 11],
  [64, 96, 10],
  [33, 100, 36],
  [40, 64, 96],
  [132, 20, 136],
  [80, 32, 48],
];
const flags = [false, true];

const cases = flags.flatMap((transposeA) =>
  flags.flatMap((transposeB) =>
    sizes.map(([rows, inner, cols]) => ({
      name: `${rows}×${inner}×${cols}${transposeA ? ", a transposed" : ""}${transposeB ? ", b transposed" : ""}`,
      inputs: [transposeA ? [inner, rows] : [rows, inner], transposeB ? [cols, inner] : [inner, cols]],
      attrs: { transposeA, transposeB },
    })),
  ),
);

const zeros = (device: GpuDevice, ...shape: number[]) =>
  device.upload(new Float32Array(shape.reduce((size, extent) => size * extent, 1)), shape);

opSuite(matmulOp, {
  cases: [
    ...cases,
    {
      name: "no rows",
      inputs: [
        [0, 3],
        [3, 2],
      ],
      attrs: { transposeA: false, transposeB: false },
    },
    {
      name: "empty sum",
      inputs: [
        [2, 0],
        [0, 3],
      ],
      attrs: { transposeA: false, transposeB: false },
    },
  ],
  bad: [
    {
      name: "unequal inner extents",
      run: (device) => matmul(zeros(device, 2, 3), zeros(device, 4, 5)),
      message: /expected equal inner extents, got \[2,3\] and \[4,5\]/,
    },
    {
      name: "unequal inner extents of transposed operands",
      run: (device) => matmul(zeros(device, 2, 3), zeros(device, 3, 5), { transposeA: true }),
      message: /expected equal inner extents, got \[2,3\] transposed and \[3,5\]/,
    },
    {
      name: "a vector",
      run: (device) => matmul(zeros(device, 2, 3), zeros(device, 3)),
      message: /expected b with two axes, got \[3\]/,
    },
    {
      name: "a batch of matrices",
      run: (device) => matmul(zeros(device, 2, 3, 4), zeros(device, 4, 2)),
      message: /expected a with two axes, got \[2,3,4\]/,
    },
  ],
  ulp: ({ transposeA }, [a]) => 2 * Math.max(1, a![transposeA ? 0 : 1]!),
  scale: 1,
  families: ["matmul"],
});
