import { beforeAll, describe, expect, it } from "vitest";
import { type DropoutAttrs, dropout, dropoutOp } from "../../src/kernels/dropout.ts";
import { now } from "../../src/tensor/command.ts";
import { type GpuDevice, scope } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import { type Arr, mapArr } from "../oracle/array.ts";
import { opSuite } from "./suite.ts";

function hash(seed: number): number {
  let h = seed;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0xd35a2d97);
  return (h ^ (h >>> 15)) >>> 0;
}

const oracle = ([x]: Arr[], { p, seed }: DropoutAttrs): Arr =>
  mapArr(x!, (value, i) => (hash((hash(i) + now(seed)) | 0) / 2 ** 32 < p ? 0 : value / (1 - p)));

opSuite(dropoutOp, {
  cases: [
    { name: "a quarter", inputs: [[3, 5, 7]], attrs: { p: 0.25, seed: 1 } },
    { name: "one half, the largest seed", inputs: [[2, 9, 9, 13]], attrs: { p: 0.5, seed: 0xffffffff } },
    { name: "nearly all", inputs: [[211]], attrs: { p: 0.9, seed: 12345 } },
    { name: "none", inputs: [[4, 3]], attrs: { p: 0, seed: 7 } },
    { name: "one element", inputs: [[1]], attrs: { p: 0.2, seed: 3 } },
    { name: "no elements", inputs: [[0, 5]], attrs: { p: 0.2, seed: 3 } },
  ],
  bad: [
    {
      name: "a probability of one",
      run: (device) => dropout(device.upload([1], [1]), { p: 1, seed: 0 }),
      message: /p in \[0, 1\), got 1/,
    },
    {
      name: "a negative seed",
      run: (device) => dropout(device.upload([1], [1]), { p: 0.5, seed: -1 }),
      message: /an integer seed in \[0, 2\^32\), got -1/,
    },
  ],
  ulp: 2,
  oracle,
});

describe("dropout", () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await testDevice();
  });

  /** 1 where an element is kept. */
  const mask = async (n: number, attrs: DropoutAttrs) => {
    const x = device.upload(new Float32Array(n).fill(1), [n]);
    const y = scope(() => dropout(x, attrs));
    const kept = Array.from(await y.read(), (value) => Number(value !== 0));
    for (const tensor of [x, y]) tensor.dispose();
    return kept;
  };
  const share = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const n = 65536;

  it.each([0.1, 0.5, 0.8])("drops a share of %s", async (p) => {
    // Five standard deviations of a binomial share.
    for (const seed of [0, 1, 4711]) {
      const bound = 5 * Math.sqrt((p * (1 - p)) / n);
      expect(Math.abs(share(await mask(n, { p, seed })) - (1 - p))).toBeLessThan(bound);
    }
  });

  it("draws neighbouring elements and neighbouring seeds independently", async () => {
    const [a, b] = [await mask(n, { p: 0.5, seed: 5 }), await mask(n, { p: 0.5, seed: 6 })];
    const bound = 5 * Math.sqrt(0.25 / n);
    for (const shift of [0, 1, 2, 3, 4, 16, 64, 256]) {
      const agree = (u: number[], v: number[]) => share(u.slice(shift).map((bit, i) => Number(bit === v[i])));
      if (shift > 0) expect(Math.abs(agree(a, a) - 0.5)).toBeLessThan(bound);
      expect(Math.abs(agree(a, b) - 0.5)).toBeLessThan(bound);
      expect(Math.abs(agree(b, a) - 0.5)).toBeLessThan(bound);
    }
  });

  it("returns the values themselves with p = 0", async () => {
    const values = Float32Array.of(-0, 1e-30, 3, Number.NEGATIVE_INFINITY);
    const x = device.upload(values, [4]);
    const y = scope(() => dropout(x, { p: 0, seed: 9 }));
    expect(await y.read()).toEqual(values);
    for (const tensor of [x, y]) tensor.dispose();
  });

  it("lets NaN show in dropped elements, and drops infinity", async () => {
    const kept = await mask(64, { p: 0.5, seed: 2 });
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = device.upload(new Array<number>(64).fill(poison), [64]);
      const y = scope(() => dropout(x, { p: 0.5, seed: 2 }));
      const expected = kept.map((keep) => (keep || Number.isNaN(poison) ? poison : 0));
      expect(Array.from(await y.read())).toEqual(expected);
      for (const tensor of [x, y]) tensor.dispose();
    }
  });
});
