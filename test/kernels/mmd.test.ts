import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { mmd, mmdOp } from "../../src/kernels/mmd.ts";
import { scope } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const attrs = { kernels: 5, multiplier: 2 };

opSuite(mmdOp, {
  families: ["mmd_distance", "mmd_dx"],
  cases: [
    { name: "a batch of 8", inputs: [[8, 257], { shape: [8, 257], range: [-0.5, 1.5] }], attrs },
    {
      name: "odd batch, odd width",
      inputs: [
        [5, 37],
        [5, 37],
      ],
      attrs,
    },
    {
      name: "one row each",
      inputs: [
        [1, 3],
        [1, 3],
      ],
      attrs,
    },
    { name: "vectors, several tiles", inputs: [[36, 44], { shape: [36, 44], range: [-0.5, 1.5] }], attrs },
    {
      name: "vectors, far from zero",
      inputs: [
        { shape: [8, 132], range: [100, 101] },
        { shape: [8, 132], range: [100, 102] },
      ],
      attrs,
    },
    { name: "one column", inputs: [[3, 1], { shape: [3, 1], range: [0, 3] }], attrs },
    { name: "many rows", inputs: [[31, 7], { shape: [31, 7], range: [0, 1] }], attrs },
    // Value only: among 80,000 gradients some cancel to less than the rounding error of their terms.
    {
      name: "long rows",
      inputs: [
        { shape: [2, 40009], gradient: false },
        { shape: [2, 40009], range: [-0.9, 1.1], gradient: false },
      ],
      attrs,
    },
    {
      name: "far from zero",
      inputs: [
        { shape: [4, 65], range: [100, 101] },
        { shape: [4, 65], range: [100, 102] },
      ],
      attrs,
    },
    {
      name: "three kernels",
      inputs: [[6, 12], { shape: [6, 12], range: [0, 1] }],
      attrs: { kernels: 3, multiplier: 3 },
    },
    { name: "one kernel", inputs: [[4, 5], { shape: [4, 5], range: [0, 1] }], attrs: { kernels: 1, multiplier: 2 } },
  ],
  bad: [
    {
      name: "maps that are not flattened",
      run: (device) => mmd(device.upload([1, 2], [1, 2, 1]), device.upload([1, 2], [1, 2, 1])),
      message: /expected rows \[B,D\] with at least one element, got \[1,2,1\]/,
    },
    {
      name: "another number of rows",
      run: (device) => mmd(device.upload([1, 2], [2, 1]), device.upload([1], [1, 1])),
      message: /expected target \[2,1\], got \[1,1\]/,
    },
    {
      name: "no kernel",
      run: (device) => mmd(device.upload([1], [1, 1]), device.upload([1], [1, 1]), { kernels: 0 }),
      message: /expected at least one kernel, got 0/,
    },
    {
      name: "multiplier 0",
      run: (device) => mmd(device.upload([1], [1, 1]), device.upload([1], [1, 1]), { multiplier: 0 }),
      message: /expected a multiplier above 0, got 0/,
    },
  ],
  ulp: 32,
});

describe("mmd", () => {
  async function run(source: number[], target: number[], rows: number, targetGradient = false) {
    const device = await testDevice();
    const width = source.length / rows;
    const { loss, gradients } = scope(() => {
      const s = device.upload(source, [rows, width]);
      const t = device.upload(target, [rows, width]);
      s.requiresGrad = true;
      t.requiresGrad = targetGradient;
      const loss = mmd(s, t);
      backward(loss);
      return { loss, gradients: [s.grad, t.grad] };
    });
    const result = { loss: await loss.item(), gradients: await Promise.all(gradients.map((g) => g?.read() ?? null)) };
    loss.dispose();
    for (const gradient of gradients) gradient?.dispose();
    return result;
  }

  it("is exactly 0 for equal batches, its gradient but for rounding", async () => {
    const rows = Array.from({ length: 6 * 100 }, (_, i) => Math.sin(i) + 10);
    const { loss, gradients } = await run(rows, rows, 6, true);
    expect(loss).toBe(0);
    for (const gradient of gradients) for (const value of gradient!) expect(Math.abs(value)).toBeLessThan(1e-8);
  });

  it("is 0 with gradient 0 where all rows are the same", async () => {
    const { loss, gradients } = await run(new Array(12).fill(3.7), new Array(12).fill(3.7), 4, true);
    expect(loss).toBe(0);
    for (const gradient of gradients) expect([...gradient!]).toEqual(new Array(12).fill(0));
  });

  it("reaches the sum of both sets' kernels for sets far apart, and no gradient for a detached target", async () => {
    const near = [0, 1, 2, 3].map((value) => value * 1e-3);
    const { loss, gradients } = await run(
      near,
      near.map((value) => value + 1e3),
      4,
    );
    // b is 8 / 14 of the squared distance between the sets, so each b_k leaves exp(-14 / 8 · 2^(2 - k)) of the cross terms.
    const cross = [0, 1, 2, 3, 4].reduce((sum, k) => sum + Math.exp(-(14 / 8) * 2 ** (2 - k)), 0);
    expect(loss).toBeCloseTo(2 * (5 - cross), 4);
    expect(gradients[1]).toBeNull();
  });
});
