import { describe, expect, test } from "vitest";
import {
  drawSeeds,
  mean,
  percentileInterval,
  quantile,
  resamples,
  standardDeviation,
  studentInterval,
  studentQuantile,
  studentWithin,
} from "../../src/report/statistics.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

test("mean and standard deviation agree with a hand-worked example", () => {
  // Deviations from 5: -3 -1 -1 -1 0 0 2 4, squares 9 1 1 1 0 0 4 16 = 32; 32 / 7.
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  expect(mean(values)).toBe(5);
  expect(standardDeviation(values)).toBeCloseTo(Math.sqrt(32 / 7), 12);
  expect(mean([])).toBeNaN();
  expect(standardDeviation([1])).toBeNaN();
});

describe("Student's t", () => {
  test.each([
    // Tables of the t distribution (two-sided 95 %, 99 %).
    [0.975, 1, 12.7062],
    [0.975, 2, 4.3027],
    [0.975, 3, 3.1824],
    [0.975, 4, 2.7764],
    [0.975, 9, 2.2622],
    [0.975, 10, 2.2281],
    [0.975, 30, 2.0423],
    [0.995, 5, 4.0321],
    [0.95, 7, 1.8946],
    [0.995, 2, 9.9248],
  ])("%f with %i degrees of freedom is %f", (p, freedom, expected) => {
    expect(studentQuantile(p, freedom)).toBeCloseTo(expected, 4);
  });

  test("has its closed forms with one and two degrees, and the normal limit with many", () => {
    expect(studentWithin(1, 1)).toBeCloseTo(0.5, 12);
    expect(studentWithin(3, 2)).toBeCloseTo(3 / Math.sqrt(11), 12);
    expect(studentQuantile(0.975, 100_000)).toBeCloseTo(1.95999, 4);
    expect(studentQuantile(0.5, 4)).toBeCloseTo(0, 12);
  });

  test("refuses what has no quantile", () => {
    expect(() => studentQuantile(0.975, 0)).toThrow(ShapeError);
    expect(() => studentQuantile(1, 3)).toThrow(/expected a probability in \[0.5, 1\), got 1/);
  });

  test("an interval by hand: 4.3027 * 0.02 / sqrt 3 around 0.03", () => {
    const [low, high] = studentInterval([0.01, 0.03, 0.05])!;
    expect(low).toBeCloseTo(0.03 - (4.30265 * 0.02) / Math.sqrt(3), 6);
    expect(high).toBeCloseTo(0.03 + (4.30265 * 0.02) / Math.sqrt(3), 6);
  });

  test("no interval of two values, nor of what is not finite", () => {
    expect(studentInterval([1, 2])).toBeNull();
    expect(studentInterval([1, 2, Number.NaN])).toBeNull();
  });

  test("covers the mean of three and of five normal values in 95 % of 4000 samples", () => {
    const rng = new Rng(5);
    for (const n of [3, 5]) {
      let covered = 0;
      for (let i = 0; i < 4000; i++) {
        const [low, high] = studentInterval(Array.from({ length: n }, () => rng.normal(2, 3)))!;
        if (low <= 2 && 2 <= high) covered++;
      }
      // Three standard errors of a share of 0.95 in 4000 are 0.0103.
      expect(Math.abs(covered / 4000 - 0.95)).toBeLessThan(0.0103);
    }
  });
});

test("quantiles are interpolated", () => {
  expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(quantile([7], 0.9)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
  const [low, high] = percentileInterval(Float64Array.from({ length: 41 }, (_, i) => i))!;
  expect([low, high]).toEqual([expect.closeTo(1, 9), expect.closeTo(39, 9)]);
  expect(percentileInterval([1, Number.NaN])).toBeNull();
  expect(percentileInterval([])).toBeNull();
});

describe("the bootstrap", () => {
  const one = (n: number) => Array.from({ length: n }, (_, i) => i);

  test("draws as many images as there are, the same ones for the same seed", () => {
    const rounds = [...resamples(one(50), 20, new Rng(1, "images"))];
    for (const round of rounds) expect(round.reduce((sum, times) => sum + times, 0)).toBe(50);
    expect([...resamples(one(50), 20, new Rng(1, "images"))]).toEqual(rounds);
    expect([...resamples(one(50), 20, new Rng(2, "images"))]).not.toEqual(rounds);
    const total = one(50).map((i) => rounds.reduce((sum, round) => sum + round[i]!, 0));
    expect(Math.max(...total)).toBeLessThan(50);
    expect(Math.min(...total)).toBeGreaterThan(5);
  });

  test("images of a group are drawn together", () => {
    const groups = [3, 9, 3, 3, 7];
    const rounds = [...resamples(groups, 30, new Rng(4))];
    for (const times of rounds) {
      expect([times[0], times[0]]).toEqual([times[2], times[3]]);
      expect(times[0]! + times[1]! + times[4]!).toBe(3);
    }
    expect(new Set(rounds.map((times) => times.join())).size).toBeGreaterThan(3);
  });

  test("of a share has the spread of the binomial distribution", () => {
    // 30 right of 100: sqrt(0.3 * 0.7 / 100) = 0.0458.
    const right = one(100).map((i) => (i < 30 ? 1 : 0));
    const shares = [...resamples(one(100), 4000, new Rng(6))].map(
      (times) => right.reduce<number>((sum, value, i) => sum + value * times[i]!, 0) / 100,
    );
    expect(standardDeviation(shares)).toBeCloseTo(0.0458, 2);
    expect(mean(shares)).toBeCloseTo(0.3, 2);
    const [low, high] = percentileInterval(shares)!;
    expect(low).toBeCloseTo(0.3 - 1.96 * 0.0458, 1);
    expect(high).toBeCloseTo(0.3 + 1.96 * 0.0458, 1);
  });

  test("covers a paired difference of shares in about 95 % of samples", () => {
    const rng = new Rng(7);
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      // Both right with 0.4, only the first 0.2, only the second 0.1, none 0.3: the difference is 0.1.
      const differences = one(100).map(() => {
        const u = rng.uniform();
        return u < 0.4 ? 0 : u < 0.6 ? 1 : u < 0.7 ? -1 : 0;
      });
      const drawn = [...resamples(one(100), 300, rng.fork("trial", trial))].map(
        (times) => differences.reduce<number>((sum, value, i) => sum + value * times[i]!, 0) / 100,
      );
      const [low, high] = percentileInterval(drawn)!;
      if (low <= 0.1 && 0.1 <= high) covered++;
    }
    // Three standard errors of 0.95 in 200 are 0.046; percentile intervals run a little short.
    expect(covered / 200).toBeGreaterThan(0.89);
    expect(covered / 200).toBeLessThan(0.99);
  });

  test("over seeds besides has the spread of both", () => {
    const seeds = [0, 1, 2, 5].map((value) => new Float64Array(4000).fill(value));
    const drawn = drawSeeds(seeds, new Rng(8));
    // A mean of 4 drawn from values with population variance 3.5.
    expect(mean([...drawn])).toBeCloseTo(2, 1);
    expect(standardDeviation([...drawn])).toBeCloseTo(Math.sqrt(3.5 / 4), 1);
    expect(drawSeeds(seeds, new Rng(8))).toEqual(drawn);
    const noise = new Rng(9);
    const noisy = seeds.map((row) => row.map((value) => value + noise.normal()));
    expect(standardDeviation([...drawSeeds(noisy, new Rng(8))]) ** 2).toBeCloseTo(3.5 / 4 + 1 / 4, 0);
    expect(drawSeeds([], new Rng(1))).toHaveLength(0);
  });
});
