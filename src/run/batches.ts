import { type Augmentation, viewSize } from "../data/augment.ts";
import { epochOrder, makeBatch } from "../data/batch.ts";
import { MemoryDataset } from "../data/memory.ts";
import type { Size } from "../data/resample.ts";
import type { Dataset } from "../data/sample.ts";
import { unlabelledSample } from "../data/unlabelled.ts";
import { methods } from "../model/methods.ts";
import type { Stage } from "../model/plan.ts";
import type { HostBatch } from "../model/train.ts";
import { Rng } from "../tensor/rng.ts";
import { type DatasetFacts, inputScale } from "./dataset.ts";
import type { Settings } from "./settings.ts";

/** What a run learns from: its settings, and what is known of its dataset. */
export interface Learnt {
  settings: Settings;
  dataset: DatasetFacts;
}

/** Steps of an epoch: the last batch is left out if it is not full. */
export function stepsPerEpoch({ settings, dataset }: Learnt): number {
  return Math.floor(epochSize({ settings, dataset }) / settings.batch);
}

/** Training images of one epoch: all of a folder's; of the built-in scenes, which are new in every epoch, their share. */
export function epochSize({ settings, dataset }: Learnt): number {
  const all = dataset.splits.train!;
  return settings.data === null ? all / settings.epochs : all;
}

/** What is varied in the training images. */
export function augmentationOf(settings: Settings, { width, height }: Size): Augmentation {
  const { crop, flip, jitter, gain, rotation, hueSaturation, valueShift } = settings;
  const scale = settings.scale.split(",").map(Number) as [number, number];
  const varied = { flip, jitter, gain, rotation, hueSaturation, valueShift, scale };
  return { crop: Math.round(crop * Math.min(width, height)), ...varied };
}

/**
 * The training batch of each step of a stage: the same for every method, but for the unlabelled images beside it, which
 * only those have that learn from another network.
 */
export function trainingBatches(
  run: Learnt,
  { name }: Pick<Stage, "name">,
  dataset: Dataset,
  unlabelled: Dataset | null,
): (step: number) => HostBatch {
  const { settings, dataset: facts } = run;
  const { batch } = settings;
  const rng = new Rng(settings.seed, "data");
  const augmentation = augmentationOf(settings, facts);
  const extra = methods[name].reads.includes("extra") ? settings.extra : 0;
  const perEpoch = stepsPerEpoch(run);
  const size = epochSize(run);
  let order = new Uint32Array(0);
  let ordered = -1;
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== ordered) {
      // A privileged network that is trained longer than the others sees their scenes again.
      const first = settings.data === null ? (epoch % settings.epochs) * size : 0;
      order = epochOrder(rng, epoch, size).map((index) => first + index) as Uint32Array<ArrayBuffer>;
    }
    ordered = epoch;
    const from = (step % perEpoch) * batch;
    const indices = order.subarray(from, from + batch);
    const scale = inputScale(facts);
    const { task } = settings;
    const labelled = makeBatch(dataset, "train", indices, scale, { augmentation, rng, epoch }, task);
    if (extra === 0) return labelled;
    const stream = rng.fork("unlabelled", step);
    const cuts = Array.from({ length: extra }, (_, i) => unlabelledSample(unlabelled!, facts, stream.fork(i)));
    const cut = new MemoryDataset(unlabelled!, new Map([["train", cuts]]));
    return {
      ...labelled,
      more: makeBatch(cut, "train", [...cuts.keys()], scale, { augmentation, rng: stream, epoch }, task),
    };
  };
}

/** What decides the networks of a run and the shapes of their batches. */
export interface RunShape {
  settings: Settings;
  stages: Stage[];
  dataset: Pick<DatasetFacts, "width" | "height" | "classes" | "classWeights" | "ir">;
}

/** Width and height of the training images as the networks see them. */
export function trainingSize({ settings, dataset }: RunShape): Size {
  return viewSize(dataset, augmentationOf(settings, dataset));
}

/** A batch of a run's size, of images that show nothing. */
export function emptyBatch(
  { settings, dataset }: RunShape,
  { width, height }: { width: number; height: number },
): HostBatch {
  const size = settings.batch;
  const pixels = size * width * height;
  return {
    size,
    width,
    height,
    rgb: new Float32Array(3 * pixels),
    depth: new Float32Array(pixels),
    ...(dataset.ir && { ir: new Float32Array(pixels) }),
    target: new Uint32Array(settings.task === "segment" ? pixels : size),
  };
}
