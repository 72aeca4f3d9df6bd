import { describe, expect, it } from "vitest";
import { atan2, cos, exp, log, pow, sin, tanh } from "../../src/tensor/math.ts";

const TOLERANCE = 1e-13;

/** Largest relative difference of two functions over points spread evenly over [low, high]. */
function worst(ours: (x: number) => number, reference: (x: number) => number, low: number, high: number): number {
  let largest = 0;
  const points = 20000;
  for (let i = 0; i <= points; i++) {
    // The golden-ratio offset keeps the points off round numbers.
    const x = low + ((high - low) * ((i * 0.6180339887498949) % points)) / points;
    const want = reference(x);
    const difference = Math.abs(ours(x) - want);
    largest = Math.max(largest, want === 0 ? difference : difference / Math.abs(want));
  }
  return largest;
}

describe("accuracy against the engine's functions", () => {
  const ranges: [string, (x: number) => number, (x: number) => number, number, number][] = [
    ["exp", exp, Math.exp, -700, 700],
    ["exp near zero", exp, Math.exp, -1, 1],
    ["log", log, Math.log, 1e-6, 1e6],
    ["log near one", log, Math.log, 0.9, 1.1],
    ["sin", sin, Math.sin, -10, 10],
    ["sin, far", sin, Math.sin, -1e5, 1e5],
    ["cos", cos, Math.cos, -10, 10],
    ["tanh", tanh, Math.tanh, -20, 20],
    ["tanh near zero", tanh, Math.tanh, -1e-3, 1e-3],
    ["pow of 0.999", (y) => pow(0.999, y), (y) => 0.999 ** y, -1e5, 1e5],
    ["pow to 2.4", (x) => pow(x, 2.4), (x) => x ** 2.4, 1e-6, 1e6],
    ["atan2 around the circle", (a) => atan2(Math.sin(a), Math.cos(a)), (a) => a, -3.14, 3.14],
  ];
  for (const [name, ours, reference, low, high] of ranges) {
    it(`${name} on [${low}, ${high}]`, () => {
      expect(worst(ours, reference, low, high)).toBeLessThan(TOLERANCE);
    });
  }

  it("is measured by a check that sees one part in 10^12", () => {
    expect(worst((x) => exp(x) * (1 + 1e-12), Math.exp, -1, 1)).toBeGreaterThan(TOLERANCE);
  });

  it("keeps its accuracy at multiples of pi", () => {
    for (let k = 1; k < 1000; k++)
      expect(Math.abs(sin(k * Math.PI) / Math.sin(k * Math.PI) - 1)).toBeLessThan(TOLERANCE);
  });
});

describe("special values", () => {
  it("follow IEEE 754", () => {
    expect([exp(0), exp(710), exp(-746), exp(Infinity), exp(-Infinity)]).toEqual([1, Infinity, 0, Infinity, 0]);
    expect(exp(-745)).toBe(5e-324);
    expect([log(1), log(0), log(-1), log(Infinity)]).toEqual([0, -Infinity, NaN, Infinity]);
    expect(log(5e-324)).toBeCloseTo(-744.4400719213812, 12);
    expect([sin(0), cos(0), sin(Infinity), cos(NaN)]).toEqual([0, 1, NaN, NaN]);
    expect([tanh(0), tanh(400), tanh(-400), tanh(NaN)]).toEqual([0, 1, -1, NaN]);
    expect([exp(NaN), log(NaN), pow(NaN, 2), atan2(NaN, 1)]).toEqual([NaN, NaN, NaN, NaN]);
  });

  it("of pow: small integer powers are exact, signs and zeros hold", () => {
    expect([pow(2, 10), pow(3, 4), pow(2, -3), pow(-2, 3), pow(10, 15)]).toEqual([1024, 81, 0.125, -8, 1e15]);
    expect([pow(5, 0), pow(0, 0.5), pow(0, -0.5), pow(-8, 1 / 3)]).toEqual([1, 0, Infinity, NaN]);
    expect([pow(-1, 101), pow(-1, 102)]).toEqual([-1, 1]);
  });

  it("of atan2: axes and quadrants", () => {
    expect([atan2(0, 1), atan2(0, -1), atan2(1, 0), atan2(-1, 0)]).toEqual([0, Math.PI, Math.PI / 2, -Math.PI / 2]);
    expect(atan2(1, 1)).toBeCloseTo(Math.PI / 4, 15);
    expect(atan2(-1, -1)).toBeCloseTo((-3 * Math.PI) / 4, 15);
  });
});

describe("reproducibility", () => {
  it("gives the recorded bits", () => {
    // Computed once; the file runs in Node and in browsers, so an engine that differs fails here.
    const view = new DataView(new ArrayBuffer(8));
    let hash = 0x811c9dc5;
    const add = (value: number) => {
      view.setFloat64(0, value);
      for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ view.getUint8(i), 0x01000193) >>> 0;
    };
    for (let i = 1; i <= 5000; i++) {
      const x = (i * 0.6180339887498949) % 30;
      for (const f of [exp, log, sin, cos, tanh]) add(f(x));
      add(pow(x, 1.7));
      add(atan2(x - 15, 7 - x));
    }
    expect(hash.toString(16)).toBe("1782635e");
  });
});
