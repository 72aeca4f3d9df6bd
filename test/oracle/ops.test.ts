import { describe, expect, it } from "vitest";
import { type Arr, arr, randomArr, scalar, sizeOf } from "./array.ts";
import { oracles } from "./index.ts";

function range(shape: number[], first = 0): Arr {
  return arr(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => first + i),
  );
}

describe("elementwise", () => {
  const x = arr([4], [-2, -0.5, 0.5, 4]);
  const cases: [string, object, number[]][] = [
    ["relu", {}, [0, 0, 0.5, 4]],
    ["leakyRelu", { slope: 0.2 }, [-0.4, -0.1, 0.5, 4]],
    ["square", {}, [4, 0.25, 0.25, 16]],
    ["abs", {}, [2, 0.5, 0.5, 4]],
    ["neg", {}, [2, 0.5, -0.5, -4]],
    ["reciprocal", {}, [-0.5, -2, 2, 0.25]],
    ["affine", { scale: 2, shift: -1 }, [-5, -2, 0, 7]],
    ["clamp", { min: -1, max: 1 }, [-1, -0.5, 0.5, 1]],
    ["pow", { exponent: 3 }, [-8, -0.125, 0.125, 64]],
  ];
  it.each(cases)("%s %o", (name, attrs, expected) => {
    expect(Array.from(oracles[name]([x], attrs).data)).toEqual(expected);
  });

  it("exp, log, sqrt and rsqrt", () => {
    const one = (name: string, value: number) => oracles[name]([scalar(value)]).data[0];
    expect(one("exp", 1)).toBeCloseTo(Math.E, 14);
    expect(one("log", Math.E ** 3)).toBeCloseTo(3, 14);
    expect(one("sqrt", 9)).toBe(3);
    expect(one("rsqrt", 16)).toBe(0.25);
  });

  it("binary ops broadcast like numpy", () => {
    const a = arr([2, 1, 2], [1, 2, 3, 4]);
    const b = arr([3, 1], [10, 20, 40]);
    const sum = oracles.add([a, b]);
    expect(sum.shape).toEqual([2, 3, 2]);
    expect(Array.from(sum.data)).toEqual([11, 12, 21, 22, 41, 42, 13, 14, 23, 24, 43, 44]);
    expect(Array.from(oracles.sub([b, scalar(10)]).data)).toEqual([0, 10, 30]);
    expect(Array.from(oracles.div([scalar(40), b]).data)).toEqual([4, 2, 1]);
    expect(Array.from(oracles.mul([b, b]).data)).toEqual([100, 400, 1600]);
    expect(Array.from(oracles.maximum([b, scalar(20)]).data)).toEqual([20, 20, 40]);
    expect(Array.from(oracles.minimum([b, scalar(20)]).data)).toEqual([10, 20, 20]);
    expect(() => oracles.add([arr([2]), arr([3])])).toThrow("shapes [2] and [3] do not fit");
  });
});

describe("shape", () => {
  it("concat joins along an axis", () => {
    const joined = oracles.concat([range([2, 1, 2]), range([2, 2, 2], 10)], { axis: 1 });
    expect(joined.shape).toEqual([2, 3, 2]);
    expect(Array.from(joined.data)).toEqual([0, 1, 10, 11, 12, 13, 2, 3, 14, 15, 16, 17]);
    expect(oracles.concat([range([2, 1]), range([2, 3])], { axis: -1 }).shape).toEqual([2, 4]);
    expect(() => oracles.concat([range([2, 1]), range([3, 1])], { axis: 1 })).toThrow("differ outside axis 1");
  });

  it("slice takes a block and refuses to leave the input", () => {
    const block = oracles.slice([range([3, 4])], { begin: [1, 2], size: [2, 2] });
    expect(Array.from(block.data)).toEqual([6, 7, 10, 11]);
    expect(() => oracles.slice([range([3, 4])], { begin: [1, 3], size: [2, 2] })).toThrow("leaves shape [3,4]");
  });

  it("transpose moves axis perm[i] to i", () => {
    const moved = oracles.transpose([range([2, 3, 2])], { perm: [2, 0, 1] });
    expect(moved.shape).toEqual([2, 2, 3]);
    expect(Array.from(moved.data)).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
  });

  it("reshape keeps the order and infers one extent", () => {
    const x = range([2, 6]);
    expect(oracles.reshape([x], { shape: [3, -1] })).toEqual({ shape: [3, 4], data: x.data });
    expect(() => oracles.reshape([x], { shape: [5, 2] })).toThrow("needs 10 elements, got 12");
  });

  it("broadcastTo repeats and refuses to shrink", () => {
    const y = oracles.broadcastTo([arr([2, 1], [3, 4])], { shape: [2, 2, 2] });
    expect(Array.from(y.data)).toEqual([3, 3, 4, 4, 3, 3, 4, 4]);
    expect(() => oracles.broadcastTo([arr([3, 2])], { shape: [1, 2] })).toThrow("does not broadcast");
  });

  it("pad surrounds with zeros", () => {
    const y = oracles.pad([range([1, 2], 1)], { before: [1, 0], after: [0, 2] });
    expect(y.shape).toEqual([2, 4]);
    expect(Array.from(y.data)).toEqual([0, 0, 0, 0, 1, 2, 0, 0]);
  });
});

describe("reductions", () => {
  const x = range([2, 3, 2]);

  it("sum, mean and max over axes", () => {
    expect(oracles.sum([x], { axes: [0, 2] })).toEqual(arr([3], [14, 22, 30]));
    expect(oracles.mean([x], { axes: [-2], keepDims: true })).toEqual(arr([2, 1, 2], [2, 3, 8, 9]));
    expect(oracles.max([x], { axes: [1, 2] })).toEqual(arr([2], [5, 11]));
    expect(oracles.sum([x], { axes: [0, 1, 2] })).toEqual(scalar(66));
    expect(oracles.max([arr([2], [-3, -4])], { axes: [0] })).toEqual(scalar(-3));
  });

  it("argmax takes the first of equal values", () => {
    expect(oracles.argmax([arr([3, 3], [1, 2, 0, 5, 5, 4, -1, -2, -1])])).toEqual(arr([3], [1, 0, 0]));
  });

  it("softmax of logarithms of integers, also when shifted out of the range of exp", () => {
    for (const shift of [0, 1000, -1000]) {
      const logits = arr(
        [2, 2],
        [0, Math.log(3), Math.log(1), Math.log(4)].map((value) => value + shift),
      );
      const expected = [0.25, 0.75, 0.2, 0.8];
      oracles.softmax([logits]).data.forEach((p, i) => {
        expect(p).toBeCloseTo(expected[i], 12);
      });
      oracles.logSoftmax([logits]).data.forEach((p, i) => {
        expect(p).toBeCloseTo(Math.log(expected[i]), 12);
      });
    }
  });
});

describe("products and windows", () => {
  it("matmul in all four orientations", () => {
    const a = arr([2, 3], [1, 2, 3, 4, 5, 6]);
    const b = arr([3, 2], [1, 0, 2, 1, 0, 3]);
    const expected = arr([2, 2], [5, 11, 14, 23]);
    const aT = oracles.transpose([a], { perm: [1, 0] });
    const bT = oracles.transpose([b], { perm: [1, 0] });
    expect(oracles.matmul([a, b])).toEqual(expected);
    expect(oracles.matmul([aT, b], { transposeA: true })).toEqual(expected);
    expect(oracles.matmul([a, bT], { transposeB: true })).toEqual(expected);
    expect(oracles.matmul([aT, bT], { transposeA: true, transposeB: true })).toEqual(expected);
    expect(() => oracles.matmul([a, a])).toThrow("inner extents 3 and 2 differ");
  });

  it("conv2d does not flip the kernel", () => {
    const x = arr([1, 2, 3, 1], [1, 2, 3, 4, 5, 6]);
    const w = arr([1, 2, 1, 1], [1, 10]);
    expect(oracles.conv2d([x, w])).toEqual(arr([1, 2, 2, 1], [21, 32, 54, 65]));
    expect(oracles.conv2d([x, w, arr([1], [100])], { padding: [0, 1], stride: [2, 3] })).toEqual(
      arr([1, 1, 2, 1], [110, 103]),
    );
    expect(() => oracles.conv2d([x, arr([1, 1, 2, 1])])).toThrow("do not fit");
  });

  it("pooling: padding never wins the maximum but counts in the mean", () => {
    const x = arr([1, 2, 2, 1], [-1, -2, -3, -4]);
    const attrs = { kernel: [2, 2], stride: [2, 2], padding: [1, 1] };
    expect(oracles.maxPool2d([x], attrs)).toEqual(arr([1, 2, 2, 1], [-1, -2, -3, -4]));
    expect(oracles.avgPool2d([x], attrs)).toEqual(arr([1, 2, 2, 1], [-0.25, -0.5, -0.75, -1]));
    expect(oracles.avgPool2d([x], { kernel: [2, 2] })).toEqual(arr([1, 1, 1, 1], [-2.5]));
    expect(oracles.globalAvgPool([range([1, 2, 2, 2])])).toEqual(arr([1, 2], [3, 4]));
  });

  it("resize by two between two pixels", () => {
    const x = arr([1, 1, 2, 1], [0, 4]);
    const row = (mode: string) => Array.from(oracles.resize([x], { height: 1, width: 4, mode }).data);
    expect(row("bilinear")).toEqual([0, 1, 3, 4]);
    expect(row("nearest")).toEqual([0, 0, 4, 4]);
  });
});

describe("losses", () => {
  it("crossEntropy of equal logits is the logarithm of the number of classes", () => {
    const loss = oracles.crossEntropy([arr([3, 4]), arr([3], [0, 3, -100])]);
    expect(loss.data[0]).toBeCloseTo(Math.log(4), 14);
  });

  it("crossEntropy without a counted row is 0, and an unknown class is an error", () => {
    expect(oracles.crossEntropy([arr([2, 3]), arr([2], 7)], { ignoreIndex: 7 })).toEqual(scalar(0));
    expect(() => oracles.crossEntropy([arr([2, 3]), arr([2], 7)])).toThrow("target 7 is not one of 3 classes");
  });

  it("crossEntropy weighs rows by their class", () => {
    const logits = arr([2, 2], [0, Math.log(3), 0, Math.log(3)]);
    const loss = oracles.crossEntropy([logits, arr([2], [0, 1]), arr([2], [3, 1])]);
    expect(loss.data[0]).toBeCloseTo((3 * Math.log(4) + Math.log(4 / 3)) / 4, 14);
  });

  it("klDivergence of (1/2, 1/2) from (1/4, 3/4), the temperature undone by scaled logits", () => {
    const expected = 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5);
    const student = arr([1, 2]);
    const loss = (temperature: number) => {
      const teacher = arr([1, 2], [0, temperature * Math.log(3)]);
      return oracles.klDivergence([student, teacher], { temperature }).data[0];
    };
    expect(loss(1)).toBeCloseTo(expected, 14);
    expect(loss(3)).toBeCloseTo(9 * expected, 14);
  });

  it("mse", () => {
    expect(oracles.mse([arr([1, 2], [1, 2]), arr([1, 2], [4, -2])])).toEqual(scalar(12.5));
  });

  it("mmd of two single points does not depend on their distance", () => {
    // One pair: the bandwidth is its squared distance, so K_st = sum_k exp(-2^(2-k)) whatever the distance.
    const between = [4, 2, 1, 0.5, 0.25].reduce((total, ratio) => total + Math.exp(-ratio), 0);
    for (const far of [0.01, 1, 50]) {
      const loss = oracles.mmd([arr([1, 2], [0, 0]), arr([1, 2], [0, far])]);
      expect(loss.data[0]).toBeCloseTo(2 * (5 - between), 6);
    }
  });

  it("mmd is 0 for identical and for constant batches, positive otherwise, and ignores the order of rows", () => {
    const x = randomArr([4, 3], 1);
    const y = randomArr([4, 3], 2);
    const swapped = oracles.concat(
      [oracles.slice([y], { begin: [2, 0], size: [2, 3] }), oracles.slice([y], { begin: [0, 0], size: [2, 3] })],
      { axis: 0 },
    );
    expect(oracles.mmd([x, x]).data[0]).toBeCloseTo(0, 14);
    expect(oracles.mmd([arr([3, 2], 5), arr([3, 2], 5)]).data[0]).toBe(0);
    expect(oracles.mmd([x, y]).data[0]).toBeGreaterThan(0.1);
    expect(oracles.mmd([x, swapped]).data[0]).toBeCloseTo(oracles.mmd([x, y]).data[0], 14);
  });
});
