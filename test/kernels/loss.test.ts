import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { crossEntropy, klDivergence, lossOps, mse } from "../../src/kernels/loss.ts";
import { scope } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const logits = (...shape: number[]) => ({ shape, range: [-4, 4] as const });
const plain = { ignoreIndex: 255, labelSmoothing: 0 };
const weights = { shape: [5], range: [0.2, 3] as const, gradient: false };

opSuite(lossOps.crossEntropy, {
  cases: [
    { name: "maps", inputs: [logits(2, 3, 7, 5), { shape: [2, 3, 7], classes: 5 }], attrs: plain },
    { name: "one row", inputs: [logits(3), { shape: [], classes: 3 }], attrs: plain },
    { name: "one class", inputs: [logits(4, 1), { shape: [4], classes: 1 }], attrs: plain },
    { name: "ignored rows", inputs: [logits(13, 5), { shape: [13], classes: 5 }], attrs: { ...plain, ignoreIndex: 2 } },
    { name: "all rows ignored", inputs: [logits(2, 5), { shape: [2], classes: 5, values: [255, 255] }], attrs: plain },
    { name: "no rows", inputs: [logits(0, 5), { shape: [0], classes: 5 }], attrs: plain },
    {
      name: "smoothing",
      inputs: [logits(31, 5), { shape: [31], classes: 5 }],
      attrs: { ...plain, labelSmoothing: 0.1 },
    },
    { name: "weights", inputs: [logits(31, 5), { shape: [31], classes: 5 }, weights], attrs: plain },
    {
      name: "everything",
      inputs: [logits(2, 257, 5), { shape: [2, 257], classes: 5 }, weights],
      attrs: { ignoreIndex: 0, labelSmoothing: 0.2 },
    },
    {
      name: "far from zero",
      inputs: [
        { shape: [7, 5], range: [1000, 1010] },
        { shape: [7], classes: 5 },
      ],
      attrs: plain,
    },
  ],
  bad: [
    {
      name: "a target of another shape",
      run: (device) => crossEntropy(device.upload([1, 2], [1, 2]), device.upload([1, 0], [2], "u32")),
      message: /expected target \[1\], got \[2\]/,
    },
    {
      name: "targets that are not classes",
      run: (device) => crossEntropy(device.upload([1, 2], [1, 2]), device.upload([1], [1])),
      message: /expected u32 for input 1, got f32/,
    },
    {
      name: "too few class weights",
      run: (device) =>
        crossEntropy(device.upload([1, 2], [1, 2]), device.upload([1], [1], "u32"), {
          classWeights: device.upload([1], [1]),
        }),
      message: /expected classWeights \[2\], got \[1\]/,
    },
    {
      name: "too much smoothing",
      run: (device) =>
        crossEntropy(device.upload([1, 2], [1, 2]), device.upload([1], [1], "u32"), { labelSmoothing: 1.5 }),
      message: /expected labelSmoothing between 0 and 1, got 1.5/,
    },
  ],
  ulp: 16,
});

opSuite(lossOps.klDivergence, {
  cases: [
    { name: "maps", inputs: [logits(2, 3, 7, 5), logits(2, 3, 7, 5)], attrs: { temperature: 2 } },
    { name: "temperature 1", inputs: [logits(13, 3), logits(13, 3)], attrs: { temperature: 1 } },
    { name: "one row", inputs: [logits(31), logits(31)], attrs: { temperature: 4 } },
    { name: "many rows", inputs: [logits(521, 2), logits(521, 2)], attrs: { temperature: 3 } },
  ],
  bad: [
    {
      name: "a teacher of another shape",
      run: (device) => klDivergence(device.upload([1, 2], [1, 2]), device.upload([1, 0], [2])),
      message: /expected teacher \[1,2\], got \[2\]/,
    },
    {
      name: "temperature 0",
      run: (device) => klDivergence(device.upload([1, 2], [2]), device.upload([1, 0], [2]), { temperature: 0 }),
      message: /expected a temperature above 0, got 0/,
    },
    {
      name: "no rows",
      run: (device) => klDivergence(device.upload([], [0, 2]), device.upload([], [0, 2])),
      message: /expected at least one row, got \[0,2\]/,
    },
  ],
  ulp: 32,
});

opSuite(lossOps.mse, {
  cases: [
    {
      name: "maps",
      inputs: [
        [2, 3, 5, 4],
        [2, 3, 5, 4],
      ],
      attrs: {},
    },
    { name: "one", inputs: [[1], [1]], attrs: {} },
    { name: "long", inputs: [[1009], [1009]], attrs: {} },
    {
      name: "vectors, a gradient for one side",
      inputs: [[5, 3, 8], { shape: [5, 3, 8], gradient: false }],
      attrs: {},
    },
  ],
  families: ["widths"],
  bad: [
    {
      name: "shapes that differ",
      run: (device) => mse(device.upload([1, 2], [2]), device.upload([1], [1])),
      message: /expected b \[2\], got \[1\]/,
    },
    {
      name: "nothing",
      run: (device) => mse(device.upload([], [0]), device.upload([], [0])),
      message: /expected at least one element/,
    },
  ],
  ulp: 8,
});

describe("crossEntropy", () => {
  /** Loss and gradient of two-class logits, one row a label; NaN in the second row. */
  async function run(labels: number[], second: number) {
    const device = await testDevice();
    const { loss, gradient } = scope(() => {
      const x = device.upload([1, 2, second, 0, 3, 1], [3, 2]);
      x.requiresGrad = true;
      const loss = crossEntropy(x, device.upload(labels, [3], "u32"));
      backward(loss);
      return { loss, gradient: x.grad! };
    });
    const result = { loss: await loss.item(), gradient: [...(await gradient.read())] };
    loss.dispose();
    gradient.dispose();
    return result;
  }

  it("becomes NaN where a target is no class", async () => {
    const { loss, gradient } = await run([0, 2, 1], 0);
    expect(loss).toBeNaN();
    expect(gradient.slice(2, 4)).toEqual([Number.NaN, Number.NaN]);
  });

  it("does not look at ignored rows, not even at NaN in them", async () => {
    const { loss, gradient } = await run([0, 255, 1], Number.NaN);
    expect(loss).toBeCloseTo((Math.log(1 + Math.E) + Math.log(1 + Math.E ** 2)) / 2, 5);
    expect(gradient.slice(2, 4)).toEqual([0, 0]);
  });
});

describe("klDivergence", () => {
  it("is 0 for equal logits and computes only the gradient asked for", async () => {
    const device = await testDevice();
    const { loss, student, teacher } = scope(() => {
      const student = device.upload([3, -1, 2], [3]);
      const teacher = device.upload([3, -1, 2], [3]);
      student.requiresGrad = true;
      const loss = klDivergence(student, teacher);
      backward(loss);
      return { loss, student: student.grad, teacher: teacher.grad };
    });
    expect(await loss.item()).toBe(0);
    expect([...(await student!.read())]).toEqual([0, 0, 0]);
    expect(teacher).toBeNull();
    loss.dispose();
    student!.dispose();
  });
});
