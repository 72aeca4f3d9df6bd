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
  /** Mean and standard deviation of the infrared, in the sensor's counts; absent where there is none. */
  readonly irMean?: number;
  readonly irStd?: number;
  /** Samples of each image class. */
  readonly classCounts: readonly number[];
  /** Pixels of each label; ignored pixels are not counted. */
  readonly labelCounts: readonly number[];
  /** Images that have a pixel of each label; absent from packed folders of versions that did not count them. */
  readonly labelImages?: readonly number[];
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
  /** Pixels that have infrared, and the sums of it and of its squares. */
  infrareds: number;
  irSum: number;
  irSquares: number;
  classCounts: number[];
  labelCounts: number[];
  /** Images that have a pixel of each label. */
  labelImages: number[];
}

/** Sums of no samples. */
export function emptySampleSums(classes: number, labels: number): SampleSums {
  const [classCounts, labelCounts, labelImages] = [classes, labels, labels].map((count) =>
    new Array<number>(count).fill(0),
  );
  const none = { samples: 0, pixels: 0, depths: 0, depthSum: 0, depthSquares: 0, infrareds: 0, irSum: 0, irSquares: 0 };
  return { ...none, classCounts, labelCounts, labelImages };
}

/** Adds a sample to the sums. */
export function countSample(
  sums: SampleSums,
  { depth, ir, label, target }: Pick<Sample, "depth" | "ir" | "label" | "target">,
): void {
  // Sums of one image stay below 2^53, so they are exact whatever the order.
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
  if (ir) {
    let [sum, squares] = [0, 0];
    for (const count of ir) {
      sum += count;
      squares += count * count;
    }
    sums.infrareds += ir.length;
    sums.irSum += sum;
    sums.irSquares += squares;
  }
  if (target !== undefined) sums.classCounts[target]++;
  if (!label) return;
  const own = new Array<number>(sums.labelCounts.length).fill(0);
  for (const index of label) if (index < own.length) own[index]++;
  for (const [i, count] of own.entries()) {
    sums.labelCounts[i] += count;
    if (count > 0) sums.labelImages[i]++;
  }
}

const SCALARS = [
  "samples",
  "pixels",
  "depths",
  "depthSum",
  "depthSquares",
  "infrareds",
  "irSum",
  "irSquares",
] as const satisfies (keyof SampleSums)[];

/** Adds the sums of a part to the sums of the whole. */
export function addSums(sums: SampleSums, part: SampleSums): void {
  for (const key of SCALARS) sums[key] += part[key];
  for (const [i, count] of part.classCounts.entries()) sums.classCounts[i] += count;
  for (const [i, count] of part.labelCounts.entries()) sums.labelCounts[i] += count;
  for (const [i, count] of part.labelImages.entries()) sums.labelImages[i] += count;
}

/** The statistics that follow from sums; mean and deviation are 0 where no pixel has a depth. */
export function statisticsOf(sums: SampleSums): SplitStatistics {
  const { samples, pixels, depths, infrareds, classCounts, labelCounts, labelImages } = sums;
  const depth = moments(depths, sums.depthSum, sums.depthSquares);
  const ir = moments(infrareds, sums.irSum, sums.irSquares);
  return {
    samples,
    depthMean: depth.mean / 1000,
    depthStd: depth.std / 1000,
    depthMissing: 1 - depths / pixels,
    ...(infrareds > 0 && { irMean: ir.mean, irStd: ir.std }),
    classCounts,
    labelCounts,
    labelImages,
  };
}

function moments(count: number, sum: number, squares: number): { mean: number; std: number } {
  if (count === 0) return { mean: 0, std: 0 };
  const mean = sum / count;
  return { mean, std: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}

/**
 * Depth mean and deviation, those of infrared where there is any, and class and label counts, of one split.
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
