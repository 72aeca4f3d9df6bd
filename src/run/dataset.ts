import { type InputScale, makeBatch } from "../data/batch.ts";
import { medianFrequency } from "../data/classWeights.ts";
import { HELD_OUT } from "../data/holdOut.ts";
import type { Dataset } from "../data/sample.ts";
import { sceneDataset } from "../data/scenes/index.ts";
import { statistics } from "../data/statistics.ts";
import type { Seen } from "../model/methods.ts";
import { IGNORED, type Task } from "../model/task.ts";
import type { HostBatch } from "../model/train.ts";
import { UsageError } from "../tensor/errors.ts";
import { type Settings, sceneCounts } from "./settings.ts";

// Memory in which drawn scenes are kept, 7 bytes a pixel.
const SCENE_BYTES = 2 ** 30;

/** What a run knows about its dataset. */
export interface DatasetFacts {
  name: string;
  width: number;
  height: number;
  /** Of the images, or of the pixels. */
  classes: string[];
  /** Number of images of each split. */
  splits: Record<string, number>;
  /** Mean and deviation of the training depth in metres: how depth is scaled for the networks. */
  depth: { mean: number; std: number };
  /** What one step of depth is, where it is no millimetre; that of `depth` is a thousand of these. */
  depthUnit?: string;
  /** The same of infrared, in the sensor's counts; only where networks are trained with it. */
  ir?: { mean: number; std: number };
  /** Weight of each class in the task's losses; null where all count the same. */
  classWeights: number[] | null;
  /** The split that the curves are drawn from; null where the only held-out split is the evaluation's. */
  validation: string | null;
  /** The split that the networks are compared on. */
  evaluation: string;
}

/** What of the settings decides what a run must know about its dataset. */
export type FactsChoice = Pick<Settings, "task" | "classWeights" | "modalities">;

/** What says which of the built-in scenes: their side, "train,val,test", and the epochs that each have new ones. */
export interface SceneChoice extends Pick<Settings, "seed" | "epochs"> {
  size: number;
  scenes: string;
}

/** The built-in scenes of a run. */
export function builtInScenes({ size, scenes, seed, epochs }: SceneChoice): Dataset {
  const counts = sceneCounts(scenes);
  // Every epoch has scenes of its own: a generator that never repeats cannot be learnt by heart.
  counts.train *= epochs;
  const fitting = Math.floor(SCENE_BYTES / (7 * size * size));
  return sceneDataset({ seed, width: size, height: size, ...counts, cache: fitting });
}

/** Names of the classes that a task tells apart. */
export function classesOf({ classes, labels }: Dataset, task: Task): readonly string[] {
  return task === "segment" ? labels : classes;
}

/** The splits that networks can be compared on, the preferred ones first. */
const EVALUATIONS = [HELD_OUT, "test", "val"];

/**
 * Whether anything of a split is labelled for the task. The maps of a benchmark's test split may be void everywhere, as
 * those of Cityscapes are; of other splits the first image tells.
 */
export function hasLabels(dataset: Dataset, split: string, task: Task): boolean {
  const size = dataset.size(split);
  for (let i = 0; i < size; i++) {
    const { target = IGNORED, label } = dataset.sample(split, i);
    if (task === "segment" ? label?.some((index) => index !== IGNORED) : target !== IGNORED) return true;
  }
  return false;
}

/** Says which splits networks would have been compared on, had they labels; null where there are none such. */
export function passedOver({ name, splits, evaluation }: DatasetFacts): string | null {
  const without = EVALUATIONS.slice(0, EVALUATIONS.indexOf(evaluation)).filter((split) => Object.hasOwn(splits, split));
  if (without.length === 0) return null;
  return `${name}: nothing in ${without.join(" and ")} is labelled; networks are compared on ${evaluation} instead`;
}

/**
 * What a run must know about its dataset.
 * @throws UsageError if it has no classes for the task, no infrared where that is used, or no labelled splits to train and to
 * evaluate on.
 */
export function datasetFacts(dataset: Dataset, { task, classWeights, modalities }: FactsChoice): DatasetFacts {
  const { name, width, height, splits } = dataset;
  const classes = classesOf(dataset, task);
  if (classes.length < 2) {
    const what = task === "segment" ? "pixels" : "images";
    throw new UsageError(
      `--task ${task}: expected ${what} of 2 or more classes, got ${classes.length || "none"} in ${name}`,
    );
  }
  const present = EVALUATIONS.filter((split) => splits.includes(split));
  if (!splits.includes("train") || present.length === 0) {
    throw new UsageError(`--data: expected the splits train and val or test, got ${splits.join(", ")} in ${name}`);
  }
  const evaluation = present.find((split) => hasLabels(dataset, split, task));
  if (evaluation === undefined || !hasLabels(dataset, "train", task)) {
    const [wanted, where] = evaluation ? ["train", "train"] : [present.join(" or "), present.join(" and ")];
    throw new UsageError(`--data: expected labels in ${wanted}, got none in ${where} of ${name}`);
  }
  const validated = evaluation === "test" && splits.includes("val") && hasLabels(dataset, "val", task);
  const validation = validated ? "val" : null;
  const {
    depthMean,
    depthStd,
    irMean,
    irStd = 0,
    classCounts,
    labelCounts,
    labelImages,
  } = statistics(dataset, "train");
  if (depthStd === 0) throw new UsageError(`--data: expected depth that varies, got the same everywhere in ${name}`);
  const infrared = modalities.includes("ir");
  if (infrared && irMean === undefined) {
    throw new UsageError(`--modalities: expected rgb,depth, for ${name} has no infrared, got ${modalities}`);
  }
  if (infrared && irStd === 0) {
    throw new UsageError(`--data: expected infrared that varies, got the same everywhere in ${name}`);
  }
  const median = task === "segment" ? medianFrequency(labelCounts, labelImages) : medianFrequency(classCounts);
  return {
    name,
    width,
    height,
    classes: [...classes],
    splits: Object.fromEntries(splits.map((split) => [split, dataset.size(split)])),
    depth: { mean: depthMean, std: depthStd },
    ...(dataset.depthUnit !== undefined && { depthUnit: dataset.depthUnit }),
    ...(infrared && { ir: { mean: irMean!, std: irStd } }),
    classWeights: classWeights === "equal" ? null : median,
    validation,
    evaluation,
  };
}

/** How a run's images become network input, all of them or what is seen: infrared is not asked of data that it is not for. */
export function inputScale({ depth, ir }: Pick<DatasetFacts, "depth" | "ir">, seen: Seen = "all"): InputScale {
  return { ...depth, ...(ir && (seen === "ir" || seen === "all") && { ir }) };
}

/** The batches of a whole split, in order and unvaried, with what is seen. */
export function* splitBatches(
  dataset: Dataset,
  split: string,
  { task, batch }: Pick<Settings, "task" | "batch">,
  facts: DatasetFacts,
  seen: Seen = "all",
): Generator<HostBatch> {
  const size = dataset.size(split);
  for (let from = 0; from < size; from += batch) {
    const indices = Array.from({ length: Math.min(batch, size - from) }, (_, i) => from + i);
    yield makeBatch(dataset, split, indices, inputScale(facts, seen), null, task);
  }
}
