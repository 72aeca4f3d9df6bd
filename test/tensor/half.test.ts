import { expect, it } from "vitest";
import { fromHalf, toHalf } from "../../src/tensor/half.ts";

const all = Array.from({ length: 65536 }, (_, half) => half).filter((half) => (half & 0x7c00) !== 0x7c00);

it("gives every half back", () => {
  for (const half of all) expect(toHalf(fromHalf(half))).toBe(half);
});

it("rounds to the nearest, ties to even", () => {
  const positive = all.filter((half) => half < 0x8000);
  for (const [i, half] of positive.slice(0, -1).entries()) {
    const [low, high] = [fromHalf(half), fromHalf(positive[i + 1]!)];
    const middle = (low + high) / 2;
    expect(toHalf(middle), `${middle}`).toBe(half & 1 ? half + 1 : half);
    expect(toHalf(Math.fround(low + 0.4 * (high - low)))).toBe(half);
    expect(toHalf(-Math.fround(low + 0.6 * (high - low)))).toBe(0x8000 | (half + 1));
  }
});

it("knows the values at the ends", () => {
  expect([toHalf(65519), toHalf(65520), toHalf(-1e30), toHalf(Number.NaN)]).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7e00]);
  expect([toHalf(2 ** -25), toHalf(2 ** -25 * 1.01), toHalf(-0), toHalf(0)]).toEqual([0, 1, 0x8000, 0]);
  expect([fromHalf(0x3c00), fromHalf(0x7c00), fromHalf(1), fromHalf(0xc000)]).toEqual([
    1,
    Number.POSITIVE_INFINITY,
    2 ** -24,
    -2,
  ]);
  expect(fromHalf(0x7e00)).toBeNaN();
});
