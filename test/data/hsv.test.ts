import { expect, it } from "vitest";
import { type HsvShift, shiftHsv } from "../../src/data/hsv.ts";
import { Rng } from "../../src/tensor/rng.ts";

const none = { hue: 1, saturation: 1, value: 0 };

function shifted(colour: readonly number[], shift: Partial<HsvShift>): number[] {
  const pixel = Float64Array.from(colour);
  shiftHsv(pixel, { ...none, ...shift });
  return [...pixel];
}

function near(got: number[], expected: number[]): void {
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, 12);
}

it("without a shift every colour stays", () => {
  const rng = new Rng(1);
  for (let i = 0; i < 500; i++) {
    // Ties between channels, too.
    const colour = [0, 1, 2].map(() => rng.int(5) / 4);
    near(shifted(colour, {}), colour);
  }
});

it("colours worked by hand", () => {
  // Green has hue 1/3: times 1.5 it is blue-ish cyan, hue 1/2.
  near(shifted([0, 1, 0], { hue: 1.5 }), [0, 1, 1]);
  // Blue has hue 2/3: times 1/2 it is green.
  near(shifted([0, 0, 0.8], { hue: 0.5 }), [0, 0.8, 0]);
  // Half as saturated: the lowest channel moves half way to the highest, the middle one too.
  near(shifted([0.8, 0.2, 0.4], { saturation: 0.5 }), [0.8, 0.5, 0.6]);
  // The value is shifted at the same hue and saturation: all channels by one factor.
  near(shifted([0.8, 0.2, 0.4], { value: 0.2 }), [1, 0.25, 0.5]);
  near(shifted([0.8, 0.2, 0.4], { value: -0.4 }), [0.4, 0.1, 0.2]);
  near(shifted([0.5, 0.5, 0.5], { hue: 1.1, saturation: 1.1, value: -0.1 }), [0.4, 0.4, 0.4]);
});

it("hue, saturation and value are clipped, not wrapped", () => {
  // Hue 11/12 times 1.2 would be beyond red: it stays there.
  near(shifted([1, 0, 0.5], { hue: 1.2 }), [1, 0, 0]);
  near(shifted([0.8, 0.08, 0.08], { saturation: 2 }), [0.8, 0, 0]);
  near(shifted([0.95, 0.19, 0.19], { value: 0.3 }), [1, 0.2, 0.2]);
  near(shifted([0.1, 0.05, 0], { value: -0.3 }), [0, 0, 0]);
  near(shifted([0, 0, 0], { value: 0.3 }), [0.3, 0.3, 0.3]);
});
