import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { max, mean, reduceMiddle, reduceOps, sum } from "../../src/kernels/reduce.ts";
import { scope } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const positive = [0.1, 1] as const;

for (const op of Object.values(reduceOps)) {
  const cases = [
    { name: "all axes", inputs: [{ shape: [3, 5, 7], range: positive }], attrs: { axes: [0, 1, 2], keepDims: false } },
    { name: "images", inputs: [[2, 5, 3, 4]], attrs: { axes: [1, 2], keepDims: true } },
    { name: "last axis", inputs: [[6, 31]], attrs: { axes: [-1], keepDims: false } },
    { name: "first axis", inputs: [[31, 6]], attrs: { axes: [0], keepDims: false } },
    { name: "axes apart", inputs: [[4, 3, 5, 2]], attrs: { axes: [2, 0], keepDims: false } },
    { name: "axes apart, kept", inputs: [[4, 3, 5, 2]], attrs: { axes: [0, 3], keepDims: true } },
    { name: "apart by an axis of one", inputs: [[4, 1, 5]], attrs: { axes: [0, 2], keepDims: false } },
    { name: "long prime", inputs: [{ shape: [2003], range: positive }], attrs: { axes: [0], keepDims: false } },
    {
      name: "long prime, inside",
      inputs: [{ shape: [2, 257, 3], range: positive }],
      attrs: { axes: [1], keepDims: false },
    },
    { name: "no axes", inputs: [[3, 2]], attrs: { axes: [], keepDims: false } },
    { name: "rank 0", inputs: [[]], attrs: { axes: [], keepDims: false } },
    { name: "an empty result", inputs: [[0, 3]], attrs: { axes: [1], keepDims: false } },
  ];
  if (op.name === "sum")
    cases.push({ name: "nothing to add", inputs: [[3, 0]], attrs: { axes: [1], keepDims: false } });
  opSuite(op, {
    cases,
    bad: [
      {
        name: "an axis that is not there",
        run: (device) => op.apply([device.upload([1], [1])], { axes: [1], keepDims: false }),
        message: /expected an axis in \[-1, 0\], got 1/,
      },
      {
        name: "the same axis twice",
        run: (device) => op.apply([device.upload([1], [1, 1])], { axes: [1, -1], keepDims: false }),
        message: /expected distinct axes, got \[1,-1\]/,
      },
    ],
    ulp: op.name === "max" ? 0 : 8,
    scale: 1,
  });
}

describe("reduceMiddle", () => {
  it.each([255, 256, 257, 65537, 1000003])("adds %i ones exactly", async (length) => {
    const device = await testDevice();
    const x = device.upload(new Float32Array(length).fill(1), [length]);
    const y = reduceMiddle(device, x, [1, length, 1], "sum");
    expect(await y.item()).toBe(length);
    x.dispose();
    y.dispose();
  });

  it("keeps the rounding error of a long sum small", async () => {
    const device = await testDevice();
    const values = Float32Array.from({ length: 1 << 20 }, (_, i) => ((i * 7919) % 10007) / 10007);
    const x = device.upload(values, [values.length]);
    const y = reduceMiddle(device, x, [1, values.length, 1], "sum");
    const exact = values.reduce((total, value) => total + value, 0);
    expect(Math.abs((await y.item()) / exact - 1)).toBeLessThan(1e-6);
    x.dispose();
    y.dispose();
  });
});

describe("max", () => {
  it("gives the gradient to the first of equal maxima in memory order", async () => {
    const device = await testDevice();
    for (const [axes, expected] of [
      [
        [0, 1],
        [0, 1, 0, 0],
      ],
      [[0], [0, 1, 1, 0]],
    ] as const) {
      const gradient = scope(() => {
        const x = device.upload([1, 3, 3, 3], [2, 2]);
        x.requiresGrad = true;
        backward(sum(max(x, { axes })));
        return x.grad;
      });
      expect([...(await gradient!.read())]).toEqual(expected);
      gradient!.dispose();
    }
  });

  it.each([mean, max])("refuses to reduce nothing (%o)", async (reduction) => {
    const device = await testDevice();
    const x = device.upload([], [0]);
    expect(() => reduction(x)).toThrow(/expected at least one element, got \[0\]/);
    x.dispose();
  });
});
