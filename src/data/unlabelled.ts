import { IGNORED } from "../model/task.ts";
import type { Rng } from "../tensor/rng.ts";
import { resizeSample, type Size } from "./resample.ts";
import type { Dataset, Sample } from "./sample.ts";

// Share of an image's shorter side that a window has at least.
const LEAST = 0.4;

/**
 * A random window of a random training image, resized to `size`, of which nobody says what it shows: its class and those
 * of its pixels are 255, which do not count. What is learnt from a privileged network needs no labels.
 */
export function unlabelledSample(pool: Dataset, { width, height }: Size, rng: Rng): Sample {
  const sample = pool.sample("train", rng.int(pool.size("train")));
  const shrink = rng.uniform(LEAST, 1);
  const factor = Math.max(width / sample.width, height / sample.height) / shrink;
  const canvas = { width: Math.round(sample.width * factor), height: Math.round(sample.height * factor) };
  const window = { x: rng.int(canvas.width - width + 1), y: rng.int(canvas.height - height + 1), width, height };
  const cut = resizeSample(sample, canvas, window);
  return { ...cut, target: IGNORED, label: new Uint8Array(width * height).fill(IGNORED) };
}
