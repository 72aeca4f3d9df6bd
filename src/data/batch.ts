import type { Task } from "../model/task.ts";
import type { HostBatch } from "../model/train.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { type Augmentation, drawView, noAugmentation, placeSample, writeColour, writeLabel } from "./augment.ts";
import { type DepthScale, writeDepth, writeInfrared } from "./normalise.ts";
import type { Dataset } from "./sample.ts";

/** The order of an epoch's samples: a permutation that depends on the generator and the epoch only. */
export function epochOrder(rng: Rng, epoch: number, count: number): Uint32Array {
  return rng.fork("order", epoch).permutation(count);
}

/** How depth, in metres, becomes network input, and infrared (in the sensor's counts) where networks look at it. */
export interface InputScale extends DepthScale {
  ir?: DepthScale;
}

/**
 * Assembles a batch of the given samples. With `random`, sample i is varied by a stream of its own, so that its
 * variation does not depend on the batch it is in. The target is each image's class, or its pixels' classes to segment.
 * Infrared is there if a scale for it is given. A missing depth pixel is 0, and 0 is always a missing one: see `writeDepth`.
 * @throws UsageError if a sample has no class, or no pixel classes, or no infrared, or the sizes differ.
 */
export function makeBatch(
  dataset: Dataset,
  split: string,
  indices: ArrayLike<number>,
  scale: InputScale,
  random: { augmentation: Augmentation; rng: Rng; epoch: number } | null,
  task: Task = "classify",
): HostBatch {
  const size = indices.length;
  const views = Array.from(indices, (index) => {
    const sample = dataset.sample(split, index);
    const rng = random ? random.rng.fork("augment", random.epoch, index) : null;
    return { sample, view: drawView(sample, random?.augmentation ?? noAugmentation, rng) };
  });
  const { width, height } = views[0]!.view;
  const pixels = width * height;
  const batch: HostBatch = {
    size,
    width,
    height,
    rgb: new Float32Array(3 * size * pixels),
    depth: new Float32Array(size * pixels),
    ...(scale.ir && { ir: new Float32Array(size * pixels) }),
    target: new Uint32Array(task === "segment" ? size * pixels : size),
  };
  for (const [i, { sample: original, view: drawn }] of views.entries()) {
    if (drawn.width !== width || drawn.height !== height) {
      throw new UsageError(
        `${original.name}: expected ${width}×${height} as the others, got ${drawn.width}×${drawn.height}`,
      );
    }
    const { sample, view } = placeSample(original, drawn);
    writeColour(sample, view, batch.rgb, 3 * i * pixels);
    writeDepth(sample, view, scale, batch.depth, i * pixels);
    if (batch.ir) writeInfrared(sample, view, scale.ir!, batch.ir, i * pixels);
    if (task === "segment") {
      writeLabel(sample, view, batch.target, i * pixels);
    } else {
      if (sample.target === undefined) throw new UsageError(`${sample.name}: expected a class, got none`);
      batch.target[i] = sample.target;
    }
  }
  return batch;
}
