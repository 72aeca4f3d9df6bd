import { UsageError } from "../tensor/errors.ts";
import type { Dataset } from "./sample.ts";

/** What a training run needs to know about a split. */
export interface SplitStatistics {
  readonly samples: number;
  /** Mean depth in metres over the pixels that have one. */
  readonly depthMean: number;
  /** Standard deviation of the depth in metres over the pixels that have one. */
  readonly depthStd: number;
  /** Fraction of the pixels whose depth is missing. */
  readonly depthMissing: number;
  /** Samples of each image class. */
  readonly classCounts: readonly number[];
  /** Pixels of each label; ignored pixels are not counted. */
  readonly labelCounts: readonly number[];
}

/**
 * Depth mean and deviation, and class and label counts, of one split.
 * @throws UsageError when the split does not exist or has no depth at all.
 */
export function statistics(dataset: Dataset, split: string): SplitStatistics {
  const samples = dataset.size(split);
  const classCounts = dataset.classes.map(() => 0);
  const labelCounts = dataset.labels.map(() => 0);
  let [count, sum, sumOfSquares] = [0, 0, 0];
  for (let i = 0; i < samples; i++) {
    const { depth, label, target } = dataset.sample(split, i);
    // Sums of one image stay below 2^53, so they are exact in millimetres whatever the order.
    let [imageSum, imageSquares] = [0, 0];
    for (const millimetres of depth) {
      if (millimetres !== 0) count++;
      imageSum += millimetres;
      imageSquares += millimetres * millimetres;
    }
    sum += imageSum;
    sumOfSquares += imageSquares;
    if (target !== undefined) classCounts[target]++;
    for (const index of label ?? []) if (index < labelCounts.length) labelCounts[index]++;
  }
  if (count === 0)
    throw new UsageError(`${dataset.name}: expected depth in split ${split}, got none in ${samples} samples`);
  const mean = sum / count;
  return {
    samples,
    depthMean: mean / 1000,
    depthStd: Math.sqrt(Math.max(0, sumOfSquares / count - mean * mean)) / 1000,
    depthMissing: 1 - count / (samples * dataset.width * dataset.height),
    classCounts,
    labelCounts,
  };
}
