import { ShapeError } from "../tensor/errors.ts";
import { atan2 } from "../tensor/math.ts";
import type { Rng } from "../tensor/rng.ts";

/** The ends of an interval. */
export type Interval = readonly [low: number, high: number];

/** Arithmetic mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Sample standard deviation, with n - 1 in the denominator; NaN of fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  if (values.length < 2) return Number.NaN;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/**
 * The probability that a Student t variable with a whole number of degrees of freedom lies in [-t, t], t >= 0, by the
 * finite series for whole numbers. Source: Abramowitz and Stegun, Handbook of mathematical functions, 26.7.3 and 26.7.4.
 */
export function studentWithin(t: number, freedom: number): number {
  const hypotenuse = Math.sqrt(freedom + t * t);
  const [sine, cosine] = [t / hypotenuse, Math.sqrt(freedom) / hypotenuse];
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = freedom === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (atan2(t, Math.sqrt(freedom)) + sine * sum) : sine * sum;
}

/**
 * The t below which a Student t variable with `freedom` degrees of freedom lies with probability `p`, 0.5 <= p < 1.
 * @throws ShapeError if the degrees of freedom are no whole number from 1, or p is outside of its range.
 */
export function studentQuantile(p: number, freedom: number): number {
  if (!(Number.isInteger(freedom) && freedom >= 1)) {
    throw new ShapeError("studentQuantile", "whole degrees of freedom from 1", `${freedom}`);
  }
  if (!(p >= 0.5 && p < 1)) throw new ShapeError("studentQuantile", "a probability in [0.5, 1)", `${p}`);
  const within = 2 * p - 1;
  let [low, high] = [0, 1];
  while (studentWithin(high, freedom) < within) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (studentWithin(middle, freedom) < within) low = middle;
    else high = middle;
  }
}

// Fewer values say too little about their own spread.
const LEAST_VALUES = 3;

/**
 * The interval that covers the mean of normally distributed values with probability `level`, from a sample of them (for a
 * paired comparison, of the differences); null of fewer than three values. Source: Student 1908, "The probable error of a mean".
 */
export function studentInterval(values: readonly number[], level = 0.95): Interval | null {
  const n = values.length;
  if (n < LEAST_VALUES || !values.every(Number.isFinite)) return null;
  const middle = mean(values);
  const half = (studentQuantile((1 + level) / 2, n - 1) * standardDeviation(values)) / Math.sqrt(n);
  return [middle - half, middle + half];
}

/** The value below which a share of the values lies, interpolated between neighbours; NaN of nothing. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted.length === 0 ? Number.NaN : sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/** The middle part of draws, `level` of them; null if there are none or one is not finite. */
export function percentileInterval(draws: ArrayLike<number>, level = 0.95): Interval | null {
  if (draws.length === 0 || !Array.prototype.every.call(draws, Number.isFinite)) return null;
  return [quantile(draws, (1 - level) / 2), quantile(draws, (1 + level) / 2)];
}

/**
 * Draws as many images as there are, with replacement: how often each of them is drawn, anew in each of `draws` rounds.
 * Images of the same group, such as crops of one picture, are drawn together. Whatever is worked out on the same rounds
 * is paired. Source: Efron and Tibshirani, An introduction to the bootstrap (1993), chapter 6.
 */
export function* resamples(groups: readonly number[], draws: number, rng: Rng): Generator<Uint16Array> {
  const names = [...new Set(groups)];
  const place = new Map(names.map((name, i) => [name, i]));
  const groupOf = groups.map((name) => place.get(name)!);
  for (let draw = 0; draw < draws; draw++) {
    const times = new Uint16Array(names.length);
    for (let i = 0; i < names.length; i++) times[rng.int(names.length)]!++;
    yield Uint16Array.from(groupOf, (group) => times[group]!);
  }
}

/**
 * For each round of `perSeed` [seeds][draws], the mean over as many seeds as there are, drawn with replacement: with rounds
 * of images this is the hierarchical bootstrap over images and seeds. Those given the same `rng` draw the same seeds.
 * Source: Davison and Hinkley, Bootstrap methods and their application (1997), section 3.8.
 */
export function drawSeeds(perSeed: readonly ArrayLike<number>[], rng: Rng): Float64Array {
  const seeds = perSeed.length;
  return Float64Array.from({ length: perSeed[0]?.length ?? 0 }, (_, draw) => {
    let sum = 0;
    for (let i = 0; i < seeds; i++) sum += perSeed[rng.int(seeds)]![draw]!;
    return sum / seeds;
  });
}
