import { type Calibration, CalibrationCounter } from "./calibration.ts";
import { type SpoofingMetrics, spoofingMetrics } from "./spoofing.ts";
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

/** Classification quality with how far the probabilities can be believed. */
export interface ClassificationMetrics extends Metrics, Calibration {
  /** How well live faces are told from attacks; only where a class is named as the live one. */
  spoofing?: SpoofingMetrics;
}

/**
 * What was predicted of each image, in the order of the split, as plain data: enough to draw images anew and to compare
 * networks on the same draws. Classes of images, or for pixels the counts [images, classes] of those that have a class
 * both in truth and prediction, and in either of them.
 */
export type PerImage =
  | { kind: "classes"; truth: number[]; predicted: number[] }
  | { kind: "pixels"; classes: number; intersection: number[]; union: number[] };

/** Collects predictions image by image; `live` is the class of live faces where attacks are to be found. */
export class MetricsCounter {
  readonly #confusion: number[][];
  readonly #calibration = new CalibrationCounter();
  readonly #truth: number[] = [];
  readonly #predicted: number[] = [];
  readonly #scores: number[] = [];
  #nll = 0;

  constructor(
    readonly classes: number,
    private readonly live: number | null = null,
  ) {
    this.#confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  /** Counts one image by its class probabilities; of equal ones the first counts. */
  add(probabilities: ArrayLike<number>, truth: number): void {
    const predicted = argmax(probabilities);
    this.#confusion[truth]![predicted]!++;
    this.#nll -= Math.log(Math.max(probabilities[truth]!, 1e-12));
    this.#calibration.add(probabilities, predicted, truth);
    this.#truth.push(truth);
    this.#predicted.push(predicted);
    if (this.live !== null) this.#scores.push(probabilities[this.live]!);
  }

  /** The metrics of everything counted so far. */
  result(): ClassificationMetrics {
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
      ...this.#calibration.result(),
      ...(this.live === null ? {} : { spoofing: spoofingMetrics(this.#scores, this.#truth, this.live) }),
    };
  }

  /** The class predicted for each image counted so far. */
  perImage(): PerImage {
    return { kind: "classes", truth: [...this.#truth], predicted: [...this.#predicted] };
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
  readonly #intersection: number[] = [];
  readonly #union: number[] = [];
  #nll = 0;
  #images = 0;

  constructor(readonly classes: number) {
    this.#confusion = new Float64Array(classes * classes);
  }

  /** Counts label maps of `images` images; nll: mean over their counted pixels of the negative log likelihood, in nats. */
  add(predicted: ArrayLike<number>, truth: ArrayLike<number>, nll: number, images = 1): void {
    const pixels = truth.length / images;
    let counted = 0;
    for (let image = 0; image < images; image++) {
      counted += this.#addImage(predicted, truth, image * pixels, (image + 1) * pixels);
    }
    this.#nll += counted * nll;
    this.#images += images;
  }

  /** Counts the pixels from one index to another, which are one image; gives the number of those that count. */
  #addImage(predicted: ArrayLike<number>, truth: ArrayLike<number>, from: number, to: number): number {
    const both = new Array<number>(this.classes).fill(0);
    const either = new Array<number>(this.classes).fill(0);
    let counted = 0;
    for (let i = from; i < to; i++) {
      const [there, said] = [truth[i]!, predicted[i]!];
      if (there === IGNORED) continue;
      counted++;
      this.#confusion[there * this.classes + said]!++;
      either[there]!++;
      if (said === there) both[there]!++;
      else either[said]!++;
    }
    this.#intersection.push(...both);
    this.#union.push(...either);
    return counted;
  }

  /** The pixels of each class in each image counted so far. */
  perImage(): PerImage {
    const { classes } = this;
    return { kind: "pixels", classes, intersection: [...this.#intersection], union: [...this.#union] };
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
