/** Classification quality over a set of images. */
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
    const present = perClass.filter((share) => !Number.isNaN(share));
    return {
      top1: right / samples,
      meanClass: present.reduce((sum, share) => sum + share, 0) / present.length,
      nll: this.#nll / samples,
      perClass,
      confusion,
      samples,
    };
  }
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
