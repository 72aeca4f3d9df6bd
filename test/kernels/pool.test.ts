import { beforeAll, describe, expect, it } from "vitest";
import {
  avgPool2d,
  avgPool2dOp,
  globalAvgPool,
  globalAvgPoolOp,
  maxPool2d,
  maxPool2dOp,
  type PoolAttrs,
} from "../../src/kernels/pool.ts";
import type { GpuDevice, Op } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import poolGolden from "../golden/pool.json";
import { opSuite } from "./suite.ts";

const cases = [
  {
    name: "3x3 stride 2 padded",
    inputs: [[2, 7, 9, 5]],
    attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const,
  },
  {
    name: "3x3 padded, four channels at a time",
    inputs: [[2, 7, 9, 12]],
    attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1] } as const,
  },
  { name: "2x2", inputs: [[1, 6, 5, 8]], attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } as const },
  {
    name: "overlapping and unequal",
    inputs: [[2, 5, 6, 3]],
    attrs: { kernel: [4, 3], stride: [1, 2], padding: [2, 1] } as const,
  },
  {
    name: "gaps between windows",
    inputs: [[1, 11, 7, 1]],
    attrs: { kernel: [2, 1], stride: [3, 2], padding: [1, 0] } as const,
  },
  { name: "one pixel", inputs: [[3, 1, 1, 4]], attrs: { kernel: [1, 1], stride: [1, 1], padding: [0, 0] } as const },
  { name: "one window", inputs: [[1, 5, 5, 17]], attrs: { kernel: [5, 5], stride: [5, 5], padding: [0, 0] } as const },
  { name: "no images", inputs: [[0, 4, 4, 3]], attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } as const },
  { name: "no channels", inputs: [[2, 4, 4, 0]], attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0] } as const },
];

for (const [op, pool] of [
  [maxPool2dOp, maxPool2d],
  [avgPool2dOp, avgPool2d],
] as const) {
  const image = (device: GpuDevice) => device.upload(new Float32Array(9), [1, 3, 3, 1]);
  opSuite(op, {
    cases,
    bad: [
      {
        name: "three axes",
        run: (device) => pool(device.upload([1], [1, 1, 1]), { kernel: 1 }),
        message: /expected x\[N,H,W,C\], got \[1,1,1\]/,
      },
      {
        name: "a kernel of zero",
        run: (device) => pool(image(device), { kernel: 0 }),
        message: /a kernel of at least 1, got \[0,0\]/,
      },
      {
        name: "a stride that is no integer",
        run: (device) => pool(image(device), { kernel: 2, stride: [1, 1.5] }),
        message: /a stride of at least 1, got \[1,1\.5\]/,
      },
      {
        name: "a padding of more than half the kernel",
        run: (device) => pool(image(device), { kernel: [3, 2], padding: [1, 2] }),
        message: /at most half the kernel \[3,2\], got \[1,2\]/,
      },
      {
        name: "an image smaller than the kernel",
        run: (device) => pool(image(device), { kernel: 4 }),
        message: /an image that holds the kernel \[4,4\] with padding \[0,0\], got \[1,3,3,1\]/,
      },
    ],
    ulp: op === maxPool2dOp ? 0 : 2,
    scale: op === maxPool2dOp ? 0 : 0.5,
  });
}

opSuite(globalAvgPoolOp, {
  cases: [
    { name: "odd", inputs: [[2, 3, 5, 7]], attrs: {} },
    { name: "one pixel", inputs: [[3, 1, 1, 5]], attrs: {} },
    { name: "one channel", inputs: [[1, 13, 11, 1]], attrs: {} },
    { name: "many pixels", inputs: [[1, 48, 48, 2]], attrs: {} },
    { name: "no images", inputs: [[0, 2, 2, 3]], attrs: {} },
  ],
  bad: [
    {
      name: "two axes",
      run: (device) => globalAvgPool(device.upload([1, 2], [1, 2])),
      message: /expected x\[N,H,W,C\], got \[1,2\]/,
    },
    {
      name: "no pixel",
      run: (device) => globalAvgPool(device.upload([], [1, 0, 2, 3])),
      message: /at least one pixel, got \[1,0,2,3\]/,
    },
  ],
  ulp: 4,
  scale: 1,
});

describe("pooling", () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await testDevice();
  });

  const run = async (
    op: Op<PoolAttrs>,
    values: ArrayLike<number>,
    shape: number[],
    attrs: PoolAttrs,
    dyValues?: number[],
  ) => {
    const x = device.upload(values, shape);
    x.requiresGrad = true;
    const y = op.apply([x], attrs);
    const dy = device.upload(dyValues ?? new Array<number>(y.size).fill(1), y.shape);
    const [dx] = op.backward(y.node!, dy, [true]);
    const result = { y: Array.from(await y.read()), dx: Array.from(await dx!.read()) };
    for (const tensor of [x, dy, dx!, ...y.node!.saved, y]) tensor.dispose();
    return result;
  };

  it.each(Object.entries(poolGolden))("%s follows PyTorch", async (_, { op, attrs, inputs, y, dy, gradients }) => {
    const [x] = inputs;
    const definition = op === "maxPool2d" ? maxPool2dOp : avgPool2dOp;
    const result = await run(definition, x!.data, x!.shape, attrs as unknown as PoolAttrs, dy.data);
    for (const [actual, expected] of [
      [result.y, y.data],
      [result.dx, gradients[0]!.data],
    ] as const) {
      expect(actual.length).toBe(expected.length);
      const peak = Math.max(...expected.map(Math.abs));
      for (const [i, want] of expected.entries()) expect(Math.abs(actual[i]! - want)).toBeLessThanOrEqual(1e-6 * peak);
    }
  });

  const rows: PoolAttrs = { kernel: [1, 3], stride: [1, 1], padding: [0, 1] };

  it("gives the gradient of equal values to the first", async () => {
    const { y, dx } = await run(maxPool2dOp, [2, 2, 1, 1, 1], [1, 1, 5, 1], rows);
    expect(y).toEqual([2, 2, 2, 1, 1]);
    expect(dx).toEqual([2, 1, 1, 1, 0]);
  });

  it("keeps values below zero from losing to the padding", async () => {
    const low = Number.NEGATIVE_INFINITY;
    const { y, dx } = await run(maxPool2dOp, [low, low, low, -3], [1, 1, 4, 1], rows);
    expect(y).toEqual([low, low, -3, -3]);
    expect(dx).toEqual([2, 0, 0, 2]);
  });

  it("lets NaN win in every window that holds it, wherever it stands", async () => {
    const { NaN: nan } = Number;
    for (const [values, expected] of [
      [
        [nan, 1, 2, 3, 4],
        [nan, nan, 3, 4, 4],
      ],
      [
        [5, 1, nan, 3, 4],
        [5, nan, nan, nan, 4],
      ],
      [
        [5, 4, 3, 2, nan],
        [5, 5, 4, nan, nan],
      ],
    ] as const) {
      expect((await run(maxPool2dOp, values, [1, 1, 5, 1], rows)).y).toEqual(expected);
    }
  });
});
