import { IGNORED } from "./task.ts";

/** Classification quality over a set of images; what it means for pixels says `SegmentationMetrics`. */
export interface Metrics {
  /** Share of the images whose most probable class is right. */
  top1: number;
  /** Mean over the classes that occur of the share of their images that are right. */
  meanClass: number;
  /** Mean negative logarithm of the probability given to the true class, in nats. */
  nll: number;
  /** Share right for each class; NaN for classes that do not occur. */
  perClass: number[];
  /** Counts, [truth][predicted]. */
  confusion: number[][];
  samples: number;
}

/** Collects predictions image by image. */
export class MetricsCounter {
  readonly #confusion: number[][];
  #nll = 0;

  constructor(readonly classes: number) {
    this.#confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /** Counts one image by its class probabilities; of equal ones the first counts. */
  add(probabilities: ArrayLike<number>, truth: number): void {
    this.#confusion[truth]![argmax(probabilities)]!++;
    this.#nll -= Math.log(Math.max(probabilities[truth]!, 1e-12));
  }

  /** The metrics of everything counted so far. */
  result(): Metrics {
    const confusion = this.#confusion.map((row) => [...row]);
    const totals = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
    const samples = totals.reduce((sum, count) => sum + count, 0);
    const right = confusion.reduce((sum, row, k) => sum + row[k]!, 0);
    const perClass = confusion.map((row, k) => (totals[k] ? row[k]! / totals[k]! : Number.NaN));
    return {
      top1: right / samples,
      meanClass: meanKnown(perClass),
      nll: this.#nll / samples,
      perClass,
      confusion,
      samples,
    };
  }
}

/**
 * Segmentation quality over a set of images: top1 is the share of right pixels, perClass the intersection over union of
 * each class (NaN for those neither there nor predicted), meanClass their mean; nll and confusion are of pixels, and
 * pixels of class 255 do not count.
 */
export interface SegmentationMetrics extends Metrics {
  /** Mean intersection over union, the same as meanClass. */
  miou: number;
  /** Mean over the classes that occur of the share of their pixels that are right. */
  classAccuracy: number;
}

/** Collects predicted label maps batch by batch. */
export class SegmentationCounter {
  // Counts, [truth, predicted]: a flat array, for it is indexed once a pixel.
  readonly #confusion: Float64Array;
  #nll = 0;
  #images = 0;

  constructor(readonly classes: number) {
    this.#confusion = new Float64Array(classes * classes);
  }

  /** Counts label maps of `images` images; nll: mean over their counted pixels of the negative log likelihood, in nats. */
  add(predicted: ArrayLike<number>, truth: ArrayLike<number>, nll: number, images = 1): void {
    let counted = 0;
    for (let i = 0; i < truth.length; i++) {
      if (truth[i] === IGNORED) continue;
      counted++;
      this.#confusion[truth[i]! * this.classes + predicted[i]!]!++;
    }
    this.#nll += counted * nll;
    this.#images += images;
  }

  /** The metrics of everything counted so far. */
  result(): SegmentationMetrics {
    const { classes } = this;
    const confusion = Array.from({ length: classes }, (_, k) => [
      ...this.#confusion.subarray(k * classes, (k + 1) * classes),
    ]);
    const there = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
    const said = there.map((_, k) => confusion.reduce((sum, row) => sum + row[k]!, 0));
    const right = confusion.map((row, k) => row[k]!);
    const pixels = there.reduce((sum, count) => sum + count, 0);
    const perClass = right.map((count, k) => count / (there[k]! + said[k]! - count));
    const miou = meanKnown(perClass);
    return {
      top1: right.reduce((sum, count) => sum + count, 0) / pixels,
      meanClass: miou,
      miou,
      classAccuracy: meanKnown(right.map((count, k) => count / there[k]!)),
      nll: this.#nll / pixels,
      perClass,
      confusion,
      samples: this.#images,
    };
  }
}

/** Mean of the values that are not NaN. */
function meanKnown(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Index of the largest value, the first of equal ones. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Class probabilities of one row of scores. */
export function softmaxRow(logits: ArrayLike<number>, row: number, classes: number): Float64Array {
  const out = new Float64Array(classes);
  let max = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) max = Math.max(max, logits[row * classes + k]!);
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    out[k] = Math.exp(logits[row * classes + k]! - max);
    sum += out[k]!;
  }
  for (let k = 0; k < classes; k++) out[k]! /= sum;
  return out;
}
