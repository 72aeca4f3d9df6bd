import { describe, expect, it } from "vitest";
import { type Arr, arr, dot, mapArr, maxDifference, randomArr, scalar } from "./array.ts";
import { centralDifference, directionalDifference, numericVjp } from "./gradient.ts";
import { type FrozenTape, freeze, oracles, oracleVjps, withFrozen } from "./index.ts";

describe("centralDifference", () => {
  const cubes = ([x]: Arr[]) => x.data.reduce((total, value) => total + value ** 3, 0);

  it("finds the derivative of a cubic and leaves the input as it was", () => {
    const x = arr([2], [0.5, 0]);
    const gradient = centralDifference(cubes, [x], 0);
    expect(gradient[0]).toBeCloseTo(0.75, 8);
    expect(gradient[1]).toBeCloseTo(0, 8);
    expect(Array.from(x.data)).toEqual([0.5, 0]);
    expect(centralDifference(cubes, [scalar(-200)], 0)[0] / 120_000).toBeCloseTo(1, 8);
  });

  it("varies only the elements asked for", () => {
    const gradient = centralDifference(cubes, [arr([3], [1, 2, 3])], 0, { indices: [2, 0] });
    expect(gradient).toHaveLength(2);
    expect(gradient[0]).toBeCloseTo(27, 8);
    expect(gradient[1]).toBeCloseTo(3, 8);
  });

  it("agrees with the derivative along one joint direction", () => {
    const inputs = [randomArr([2, 3], 1), randomArr([3, 2], 2)];
    const f = (point: Arr[]) => oracles.matmul(point).data.reduce((total, value) => total + value ** 2, 0);
    const directions = [randomArr([2, 3], 3), randomArr([3, 2], 4)];
    const expected = directions.reduce(
      (total, direction, which) => total + dot(arr(direction.shape, centralDifference(f, inputs, which)), direction),
      0,
    );
    expect(directionalDifference(f, inputs, directions)).toBeCloseTo(expected, 8);
    const first = dot(arr([2, 3], centralDifference(f, inputs, 0)), directions[0]);
    expect(directionalDifference(f, inputs, [directions[0], null])).toBeCloseTo(first, 8);
  });
});

describe("withFrozen", () => {
  const product = ([x]: Arr[]) => x.data[0] * freeze(x.data.slice())[0];

  it("makes detached values constants of a central difference", () => {
    expect(centralDifference(product, [scalar(3)], 0)[0]).toBeCloseTo(3, 8);
    expect(directionalDifference(product, [scalar(3)], [scalar(2)])).toBeCloseTo(6, 8);
  });

  it("replays in call order and passes values through outside a run", () => {
    const tape: FrozenTape = [];
    const twice = (a: number, b: number) => [freeze(Float64Array.of(a))[0], freeze(Float64Array.of(b))[0]];
    expect(withFrozen("record", tape, () => twice(1, 2))).toEqual([1, 2]);
    expect(withFrozen("replay", tape, () => twice(3, 4))).toEqual([1, 2]);
    expect(twice(5, 6)).toEqual([5, 6]);
  });

  it("lasts until a promise settles", async () => {
    const tape: FrozenTape = [];
    withFrozen("record", tape, () => freeze(Float64Array.of(1)));
    const later = withFrozen("replay", tape, async () => {
      await Promise.resolve();
      return freeze(Float64Array.of(2))[0];
    });
    expect(await later).toBe(1);
    expect(freeze(Float64Array.of(2))[0]).toBe(2);
  });

  it("refuses a replay that detaches more, fewer or other values, and then is over", () => {
    const tape: FrozenTape = [];
    withFrozen("record", tape, () => freeze(Float64Array.of(1)));
    const replay = (...lengths: number[]) =>
      withFrozen("replay", tape, () => {
        for (const length of lengths) freeze(new Float64Array(length));
      });
    expect(() => replay(1, 1)).toThrow("call 2 has 1 values, recorded were none");
    expect(() => replay(2)).toThrow("call 1 has 2 values, recorded were 1");
    expect(() => replay()).toThrow("0 detached values replayed, 1 recorded");
    expect(freeze(Float64Array.of(7))[0]).toBe(7);
  });
});

describe("analytic gradients agree with central differences", () => {
  const conv = { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 };
  const convInputs = [randomArr([2, 5, 6, 4], 1), randomArr([3, 2, 2, 6], 2), randomArr([6], 3)];
  const normInputs = [randomArr([2, 2, 3, 4], 1), randomArr([4], 2), randomArr([4], 3), arr([4], 0.1), arr([4], 1.2)];
  const matrices = (a: number[], b: number[]) => [randomArr(a, 1), randomArr(b, 2)];
  const entropyInputs = [randomArr([2, 3, 5], 1, -3, 3), arr([2, 3], [0, 4, 9, 2, 2, 1]), randomArr([5], 2, 0.2, 2)];
  const cases: [string, Arr[], object | undefined][] = [
    ["matmul", matrices([3, 4], [4, 2]), undefined],
    ["matmul", matrices([4, 3], [4, 2]), { transposeA: true }],
    ["matmul", matrices([3, 4], [2, 4]), { transposeB: true }],
    ["matmul", matrices([4, 3], [2, 4]), { transposeA: true, transposeB: true }],
    ["conv2d", convInputs, conv],
    ["conv2d", convInputs.slice(0, 2), conv],
    ["batchNorm", normInputs, { training: true }],
    ["batchNorm", normInputs, { training: false, eps: 0.01 }],
    ["softmax", [randomArr([2, 3, 4], 1, -4, 4)], undefined],
    ["crossEntropy", entropyInputs.slice(0, 2), { ignoreIndex: 9 }],
    ["crossEntropy", entropyInputs, { ignoreIndex: 9, labelSmoothing: 0.2 }],
    ["klDivergence", [randomArr([4, 5], 1, -4, 4), randomArr([4, 5], 2, -4, 4)], { temperature: 2 }],
    ["mmd", matrices([4, 6], [4, 6]), undefined],
    ["mmd", matrices([3, 2], [3, 2]), { kernels: 4, multiplier: 1.5 }],
  ];

  it.each(cases)("%s, case %#", (name, inputs, attrs) => {
    const dy = randomArr(oracles[name](inputs, attrs).shape, 9, 0.5, 1.5);
    const analytic = oracleVjps[name](inputs, attrs, dy);
    expect(analytic).toHaveLength(inputs.length);
    expect(analytic[0]).not.toBeNull();
    analytic.forEach((gradient, which) => {
      if (gradient === null) return;
      const numeric = numericVjp(oracles[name], inputs, attrs, which, dy);
      const shape = inputs[which].shape;
      expect(maxDifference(arr(shape, gradient), arr(shape, numeric))).toBeLessThan(1e-8);
    });
  });

  it("the gradient of crossEntropy is zero in ignored rows, and everywhere when all are ignored", () => {
    const logits = randomArr([2, 3], 1);
    const gradient = (target: number[]) =>
      Array.from(oracleVjps.crossEntropy([logits, arr([2], target)], { ignoreIndex: 9 }, scalar(1))[0] ?? []);
    expect(gradient([9, 1]).slice(0, 3)).toEqual([0, 0, 0]);
    expect(gradient([9, 9])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("the gradient of mmd would differ if the bandwidth were not detached", () => {
    const inputs = matrices([4, 6], [4, 6]);
    const moving = centralDifference((point) => withFrozen("record", [], () => oracles.mmd(point).data[0]), inputs, 0);
    const detached = oracleVjps.mmd(inputs, undefined, scalar(1))[0];
    const difference = mapArr(arr([24], moving), (value, i) => value - (detached?.[i] ?? 0));
    expect(Math.max(...difference.data.map(Math.abs))).toBeGreaterThan(1e-3);
  });
});
