import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/tensor/errors.ts";
import { philox4x32, Rng } from "../../src/tensor/rng.ts";

const DRAWS = 100000;

/** Pearson's chi-square statistic of counts against equal expectation. */
function chiSquare(counts: ArrayLike<number>): number {
  const all = Array.from(counts);
  const expected = all.reduce((a, b) => a + b, 0) / all.length;
  return all.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** True if a chi-square statistic lies within five standard deviations of its mean. */
function plausible(statistic: number, degrees: number): boolean {
  return Math.abs(statistic - degrees) < 5 * Math.sqrt(2 * degrees);
}

/** Sample correlation of two equally long lists. */
function correlation(a: number[], b: number[]): number {
  const mean = (v: number[]) => v.reduce((x, y) => x + y, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [sab, saa, sbb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    sab += (a[i] - ma) * (b[i] - mb);
    saa += (a[i] - ma) ** 2;
    sbb += (b[i] - mb) ** 2;
  }
  return sab / Math.sqrt(saa * sbb);
}

describe("philox4x32", () => {
  // The published test vectors of the Random123 library (kat_vectors, philox4x32, 10 rounds).
  const known: [number[], number[], number[]][] = [
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [Array(4).fill(0xffffffff), Array(2).fill(0xffffffff), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ];
  it.each(known)("counter %j under key %j", (counter, key, want) => {
    const out = new Uint32Array(4);
    philox4x32(out, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
    expect(Array.from(out)).toEqual(want);
  });
});

describe("streams", () => {
  const words = (rng: Rng, count = 64) => Array.from({ length: count }, () => rng.uint32());

  it("are a function of seed and path alone", () => {
    const parent = new Rng(7, "data");
    const early = words(parent.fork("train", 3));
    words(parent, 1001);
    expect(words(parent.fork("train", 3))).toEqual(early);
    expect(words(new Rng(7, "data", "train", 3))).toEqual(early);
    expect(words(new Rng(7).fork("data").fork("train").fork(3))).toEqual(early);
  });

  it("give the recorded numbers", () => {
    expect(words(new Rng(0), 3)).toEqual([1985612696, 3920545198, 684169146]);
    expect(words(new Rng(1, "a", 2.5), 3)).toEqual([1042108875, 4120143052, 1565619384]);
    expect(new Rng(5).normal()).toBe(2.651589394945429);
  });

  it("differ whenever seed or path differ", () => {
    const paths: (number | string)[][] = [
      [],
      ["a"],
      ["a", "b"],
      ["ab"],
      ["b", "a"],
      ["a", ""],
      [0],
      ["0"],
      [1],
      [256],
      [0.5],
    ];
    const firsts = [0, 1, 2, 0.1, 2 ** 40, -1].flatMap((seed) =>
      paths.map((path) => words(new Rng(seed, ...path), 2).join()),
    );
    expect(new Set(firsts).size).toBe(firsts.length);
    expect(words(new Rng(-0))).toEqual(words(new Rng(0)));
  });

  it("of neighbouring names are uncorrelated", () => {
    const root = new Rng(3);
    const streams = [0, 1, 2, "a", "b"].map((name) => {
      const rng = root.fork(name);
      return Array.from({ length: DRAWS }, () => rng.uniform());
    });
    for (let i = 0; i < streams.length; i++) {
      for (let j = 0; j < i; j++) {
        expect(Math.abs(correlation(streams[i], streams[j]))).toBeLessThan(5 / Math.sqrt(DRAWS));
      }
    }
    expect(correlation(streams[0], streams[0])).toBeCloseTo(1, 10);
  });

  it("are uniform across names too: the first draw of 100,000 streams", () => {
    const root = new Rng(11, "samples");
    const counts = new Uint32Array(64);
    for (let i = 0; i < DRAWS; i++) counts[root.fork(i).uint32() >>> 26]++;
    expect(plausible(chiSquare(counts), 63)).toBe(true);
  });

  it("continue from a saved state, at every lane and past 2^32 words", () => {
    for (const skip of [0, 1, 2, 3, 4, 4097]) {
      const rng = new Rng(9, "x");
      words(rng, skip);
      const copy = Rng.restore(JSON.parse(JSON.stringify(rng.state())));
      expect(words(copy)).toEqual(words(rng));
      expect(copy.state()).toEqual(rng.state());
      expect(words(copy.fork("y"))).toEqual(words(rng.fork("y")));
    }
    const { stream } = new Rng(9).state();
    const far = words(Rng.restore({ stream, drawn: 4 * 2 ** 32 }));
    expect(far).not.toEqual(words(new Rng(9)));
  });
});

describe("distributions", () => {
  it("uint32: every bit and every byte is balanced", () => {
    const rng = new Rng(1);
    const bytes = Array.from({ length: 4 }, () => new Uint32Array(256));
    for (let i = 0; i < DRAWS; i++) {
      const word = rng.uint32();
      for (let b = 0; b < 4; b++) bytes[b][(word >>> (8 * b)) & 255]++;
    }
    for (const counts of bytes) expect(plausible(chiSquare(counts), 255)).toBe(true);
    // The control: counts of a generator with one dead bit are caught.
    expect(plausible(chiSquare(bytes[0].map((count, i) => (i & 1 ? count * 1.1 : count * 0.9))), 255)).toBe(false);
  });

  it("uniform: consecutive pairs fill the square", () => {
    const rng = new Rng(2);
    const counts = new Uint32Array(400);
    for (let i = 0; i < DRAWS; i++) counts[Math.floor(rng.uniform() * 20) * 20 + Math.floor(rng.uniform() * 20)]++;
    expect(plausible(chiSquare(counts), 399)).toBe(true);
    const shifted = Array.from({ length: 1000 }, () => rng.uniform(-3, 5));
    expect(Math.min(...shifted)).toBeGreaterThanOrEqual(-3);
    expect(Math.max(...shifted)).toBeLessThan(5);
  });

  it("normal: moments and tail", () => {
    const rng = new Rng(4);
    const values = Array.from({ length: DRAWS }, () => rng.normal(2, 3));
    const moment = (k: number) => values.reduce((sum, v) => sum + ((v - 2) / 3) ** k, 0) / DRAWS;
    // Five standard errors of each moment of the unit normal.
    expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(DRAWS));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / DRAWS));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / DRAWS));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / DRAWS));
    const beyond = values.filter((v) => Math.abs(v - 2) > 6).length / DRAWS;
    expect(Math.abs(beyond - 0.0455)).toBeLessThan(5 * Math.sqrt(0.0455 / DRAWS));
  });

  it("int: equal shares, for small and awkward n", () => {
    const rng = new Rng(6);
    const counts = new Uint32Array(7);
    for (let i = 0; i < DRAWS; i++) counts[rng.int(7)]++;
    expect(plausible(chiSquare(counts), 6)).toBe(true);
    // With n = 3 * 2^30 a plain remainder would return the first third half of the time.
    let low = 0;
    for (let i = 0; i < DRAWS; i++) if (rng.int(3 * 2 ** 30) < 2 ** 30) low++;
    expect(Math.abs(low / DRAWS - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / DRAWS));
    expect(rng.int(1)).toBe(0);
  });

  it("bernoulli: the asked share, and the ends are certain", () => {
    const rng = new Rng(8);
    let hits = 0;
    for (let i = 0; i < DRAWS; i++) if (rng.bernoulli(0.3)) hits++;
    expect(Math.abs(hits / DRAWS - 0.3)).toBeLessThan(5 * Math.sqrt(0.21 / DRAWS));
    expect([rng.bernoulli(0), rng.bernoulli(1)]).toEqual([false, true]);
  });

  it("permutation: every order of four equally often, each a permutation", () => {
    const rng = new Rng(10);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24000; i++) {
      const key = rng.permutation(4).join("");
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(plausible(chiSquare([...counts.values()]), 23)).toBe(true);
    expect(Array.from(rng.permutation(1000)).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(rng.permutation(0).length).toBe(0);
  });

  it("fills: same law as the single draws, and float32 stays below the upper end", () => {
    const filled = new Float32Array(1000);
    new Rng(12).fillNormal(filled, 0.1);
    const rng = new Rng(12);
    expect(Array.from(filled)).toEqual(Array.from({ length: 1000 }, () => Math.fround(rng.normal(0, 0.1))));
    const uniform = new Float32Array(DRAWS);
    new Rng(13).fillUniform(uniform);
    expect(uniform.every((v) => v >= 0 && v < 1)).toBe(true);
    const counts = new Uint32Array(100);
    for (const v of uniform) counts[Math.floor(v * 100)]++;
    expect(plausible(chiSquare(counts), 99)).toBe(true);
  });
});

describe("bad calls", () => {
  it("name what was expected and what came", () => {
    expect(() => new Rng(Number.NaN)).toThrow(UsageError);
    expect(() => new Rng(1).fork(Infinity)).toThrow("Rng: expected a finite seed or path number, got Infinity");
    for (const n of [0, -1, 1.5, 2 ** 33]) expect(() => new Rng(1).int(n)).toThrow(`got ${n}`);
    expect(() => Rng.restore({ stream: [1, 2, 3], drawn: 0 })).toThrow("four 32-bit words, got [1,2,3]");
    expect(() => Rng.restore({ stream: [1, 2, 3, -4], drawn: 0 })).toThrow(UsageError);
    expect(() => Rng.restore({ stream: [1, 2, 3, 4], drawn: 0.5 })).toThrow("got 0.5");
  });
});
