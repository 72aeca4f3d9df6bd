/** Images whose confidence, the probability of the predicted class, lies in one interval. */
export interface ReliabilityBin {
  count: number;
  /** Mean confidence; NaN where there is no image. */
  confidence: number;
  /** Share of the images that are right; NaN where there is none. */
  accuracy: number;
}

/** How far predicted probabilities can be believed; what is counted from them is NaN where any is not a number. */
export interface Calibration {
  /**
   * Expected calibration error: mean over the images of the distance between accuracy and confidence of their bin.
   * Source: Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural networks", equation 3.
   */
  ece: number;
  /**
   * Mean over the images of the squared distance between the probabilities and the truth (1 for the true class, 0 for the
   * others), from 0 to 2. Source: Brier 1950, "Verification of forecasts expressed in terms of probability".
   */
  brier: number;
  /** Fifteen intervals of equal width from 0 to 1, each with its upper end. */
  reliability: ReliabilityBin[];
}

const BINS = 15;

/** Collects what calibration is judged by, image by image. */
export class CalibrationCounter {
  readonly #bins = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  #brier = 0;
  #images = 0;

  /** Counts one image by its class probabilities. */
  add(probabilities: ArrayLike<number>, predicted: number, truth: number): void {
    const confidence = probabilities[predicted]!;
    // What is no number lies in no interval.
    const bin = this.#bins[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))];
    if (bin) {
      bin.count++;
      bin.confidence += confidence;
      if (predicted === truth) bin.right++;
    }
    for (let k = 0; k < probabilities.length; k++) {
      const distance = probabilities[k]! - (k === truth ? 1 : 0);
      this.#brier += distance * distance;
    }
    this.#images++;
  }

  /** The calibration of everything counted so far. */
  result(): Calibration {
    const apart = this.#bins.reduce((sum, { confidence, right }) => sum + Math.abs(right - confidence), 0);
    const known = this.#bins.reduce((sum, { count }) => sum + count, 0) === this.#images;
    return {
      ece: known ? apart / this.#images : Number.NaN,
      brier: this.#brier / this.#images,
      reliability: this.#bins.map(({ count, confidence, right }) => ({
        count,
        confidence: confidence / count,
        accuracy: right / count,
      })),
    };
  }
}
