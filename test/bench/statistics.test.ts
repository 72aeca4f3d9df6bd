import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FLOOR, fitLine, median, noiseBand, quantile, summarise } from "../../bench/statistics.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("median and quantiles", () => {
  it("take the middle, and between the two middle ones", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(quantile([0, 10], 0.9)).toBeCloseTo(9, 12);
  });

  it("do not depend on the order and lie between the extremes", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const value = quantile(list, share);
        expect(quantile([...list].reverse(), share)).toBe(value);
        expect(value).toBeGreaterThanOrEqual(Math.min(...list));
        expect(value).toBeLessThanOrEqual(Math.max(...list));
      }),
    );
  });
});

describe("the summary", () => {
  it("is not moved by one outlier", () => {
    const { n, median: middle, min, spread } = summarise([10, 10.1, 9.9, 10, 500]);
    expect([n, middle, min]).toEqual([5, 10, 9.9]);
    expect(spread).toBeCloseTo((1.4826 * 0.1) / 10, 6);
  });

  it("has the relative standard deviation as spread where noise is normal", () => {
    const values = new Float32Array(4000);
    new Rng(5).fillNormal(values, 2);
    expect(summarise([...values].map((value) => 100 + value)).spread).toBeCloseTo(0.02, 2);
  });
});

describe("the noise band", () => {
  const of = (n: number, spread: number) => ({ n, median: 1, min: 1, p90: 1, spread });

  it("is never narrower than the floor, grows with the spread and shrinks with more measurements", () => {
    expect(noiseBand(of(9, 0), of(9, 0))).toBe(FLOOR);
    expect(noiseBand(of(9, 0.2), of(9, 0.1))).toBeGreaterThan(noiseBand(of(9, 0.1), of(9, 0.1)));
    expect(noiseBand(of(36, 0.2), of(36, 0.2))).toBeCloseTo(noiseBand(of(9, 0.2), of(9, 0.2)) / 2, 12);
  });

  it("is wide where one side was measured once or twice", () => {
    expect(noiseBand(of(2, 0), of(9, 0))).toBe(0.25);
  });

  it("holds the difference of two medians of the same noise nearly always", () => {
    const rng = new Rng(11);
    const sample = () => {
      const values = new Float32Array(9);
      rng.fillNormal(values, 0.1);
      return summarise([...values].map((value) => 1 + value));
    };
    const outside = Array.from({ length: 400 }, () => [sample(), sample()] as const).filter(
      ([a, b]) => Math.abs(b.median / a.median - 1) > noiseBand(a, b),
    );
    expect(outside.length).toBeLessThan(0.05 * 400);
  });
});

it("a line through points that lie on one is found exactly, whatever their sizes", () => {
  const { fixed, slope } = fitLine([1, 10, 1000].map((x) => ({ x, y: 3 + 0.5 * x })));
  expect(fixed).toBeCloseTo(3, 9);
  expect(slope).toBeCloseTo(0.5, 12);
});
