import { UsageError } from "../tensor/errors.ts";
import type { Dataset, Sample } from "./sample.ts";

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

/** Sums over samples from which their statistics follow; plain data, so that parts can be counted apart and added up. */
export interface SampleSums {
  samples: number;
  /** All pixels, and those that have a depth. */
  pixels: number;
  depths: number;
  /** Sums of the depths in millimetres and of their squares. */
  depthSum: number;
  depthSquares: number;
  classCounts: number[];
  labelCounts: number[];
}

/** Sums of no samples. */
export function emptySampleSums(classes: number, labels: number): SampleSums {
  const [classCounts, labelCounts] = [classes, labels].map((count) => new Array<number>(count).fill(0));
  return { samples: 0, pixels: 0, depths: 0, depthSum: 0, depthSquares: 0, classCounts, labelCounts };
}

/** Adds a sample to the sums. */
export function countSample(
  sums: SampleSums,
  { depth, label, target }: Pick<Sample, "depth" | "label" | "target">,
): void {
  // Sums of one image stay below 2^53, so they are exact in millimetres whatever the order.
  let [depths, imageSum, imageSquares] = [0, 0, 0];
  for (const millimetres of depth) {
    if (millimetres !== 0) depths++;
    imageSum += millimetres;
    imageSquares += millimetres * millimetres;
  }
  sums.samples++;
  sums.pixels += depth.length;
  sums.depths += depths;
  sums.depthSum += imageSum;
  sums.depthSquares += imageSquares;
  if (target !== undefined) sums.classCounts[target]++;
  for (const index of label ?? []) if (index < sums.labelCounts.length) sums.labelCounts[index]++;
}

/** Adds the sums of a part to the sums of the whole. */
export function addSums(sums: SampleSums, part: SampleSums): void {
  for (const key of ["samples", "pixels", "depths", "depthSum", "depthSquares"] as const) sums[key] += part[key];
  for (const [i, count] of part.classCounts.entries()) sums.classCounts[i] += count;
  for (const [i, count] of part.labelCounts.entries()) sums.labelCounts[i] += count;
}

/** The statistics that follow from sums; mean and deviation are 0 where no pixel has a depth. */
export function statisticsOf(sums: SampleSums): SplitStatistics {
  const { samples, pixels, depths, depthSum, depthSquares, classCounts, labelCounts } = sums;
  const mean = depths === 0 ? 0 : depthSum / depths;
  const variance = depths === 0 ? 0 : depthSquares / depths - mean * mean;
  return {
    samples,
    depthMean: mean / 1000,
    depthStd: Math.sqrt(Math.max(0, variance)) / 1000,
    depthMissing: 1 - depths / pixels,
    classCounts,
    labelCounts,
  };
}

/**
 * Depth mean and deviation, and class and label counts, of one split.
 * @throws UsageError when the split does not exist or has no depth at all.
 */
export function statistics(dataset: Dataset, split: string): SplitStatistics {
  const sums = emptySampleSums(dataset.classes.length, dataset.labels.length);
  const size = dataset.size(split);
  for (let i = 0; i < size; i++) countSample(sums, dataset.sample(split, i));
  if (sums.depths === 0) {
    throw new UsageError(`${dataset.name}: expected depth in split ${split}, got none in ${size} samples`);
  }
  return statisticsOf(sums);
}
