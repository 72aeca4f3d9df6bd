import path from "node:path";
import { type InputScale, makeBatch } from "../data/batch.ts";
import { medianFrequency } from "../data/classWeights.ts";
import { HELD_OUT, holdOut } from "../data/holdOut.ts";
import { openFolder } from "../data/node/folder.ts";
import type { Dataset } from "../data/sample.ts";
import { sceneDataset } from "../data/scenes/index.ts";
import { statistics } from "../data/statistics.ts";
import type { Seen } from "../model/methods.ts";
import type { Task } from "../model/task.ts";
import type { HostBatch } from "../model/train.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import type { DatasetFacts } from "./config.ts";
import { checkInterrupted, type Io } from "./io.ts";
import { type Settings, sceneCounts } from "./settings.ts";

// Time without a word, in milliseconds.
const SILENT_MS = 5000;

// Memory in which drawn scenes are kept, 7 bytes a pixel.
const SCENE_BYTES = 2 ** 30;

/** What says which data a command works on. */
export type DataChoice = Pick<Settings, "data" | "size" | "scenes" | "seed" | "epochs">;

/** What of the settings decides what a run must know about its dataset. */
export type FactsChoice = Pick<Settings, "task" | "classWeights" | "modalities">;

/**
 * Opens the dataset folder, or makes the built-in scenes.
 * @throws FormatError | OnestageError naming the file that cannot be used.
 */
export async function openDataset({ data, size, scenes, seed, epochs }: DataChoice, io: Io): Promise<Dataset> {
  if (data === null) {
    const counts = sceneCounts(scenes!);
    // Every epoch has scenes of its own: a generator that never repeats cannot be learnt by heart.
    counts.train *= epochs;
    const fitting = Math.floor(SCENE_BYTES / (7 * size! * size!));
    return sceneDataset({ seed, width: size!, height: size!, ...counts, cache: fitting });
  }
  const patience = new Patience(io, (done) => `reading ${path.basename(data)}: ${done} images so far`);
  return openFolder(data, { onProgress: (done) => patience.tell(done) });
}

/** The same without the part of train that is held out, if any is: what networks are trained and compared on. */
export async function openTrainingData(settings: DataChoice & Pick<Settings, "holdOut">, io: Io): Promise<Dataset> {
  const dataset = await openDataset(settings, io);
  if (settings.holdOut === "none") return dataset;
  const [part, parts] = settings.holdOut.split("/").map(Number) as [number, number];
  return holdOut(dataset, part, parts);
}

/** What is learnt from without labels; null for nothing. */
export async function openUnlabelled(settings: DataChoice & Pick<Settings, "unlabelled" | "extra">, io: Io) {
  const { unlabelled, extra } = settings;
  return unlabelled === null || extra === 0 ? null : openDataset({ ...settings, data: unlabelled }, io);
}

/**
 * Draws the built-in training scenes, which takes a while; they are kept.
 * @throws InterruptedError if the user does not want to wait.
 */
export async function drawScenes(dataset: Dataset, io: Io): Promise<void> {
  const count = dataset.size("train");
  const patience = new Patience(io, (done) => `drawing scenes: ${done} of ${count}`);
  for (let i = 0; i < count; i++) {
    dataset.sample("train", i);
    // Lets signals in.
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    patience.tell(i);
  }
}

/** Says now and then how far a long work is. */
class Patience {
  #said = Date.now();

  constructor(
    private readonly io: Io,
    private readonly text: (done: number) => string,
  ) {}

  /** @throws InterruptedError if the user does not want to wait. */
  tell(done: number): void {
    checkInterrupted(this.io.signal);
    if (Date.now() - this.#said < SILENT_MS) return;
    this.#said = Date.now();
    this.io.say(this.text(done));
  }
}

/** Names of the classes that a task tells apart. */
function classesOf({ classes, labels }: Dataset, task: Task): readonly string[] {
  return task === "segment" ? labels : classes;
}

/**
 * What a run must know about its dataset.
 * @throws UsageError if it has no classes for the task, no infrared where that is used, or not the splits to train and to evaluate on.
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
  const evaluation = [HELD_OUT, "test", "val"].find((split) => splits.includes(split));
  if (!splits.includes("train") || !evaluation) {
    throw new UsageError(`--data: expected the splits train and val or test, got ${splits.join(", ")} in ${name}`);
  }
  const validation = evaluation === "test" && splits.includes("val") ? "val" : null;
  const { depthMean, depthStd, irMean, irStd = 0, classCounts, labelCounts } = statistics(dataset, "train");
  if (depthStd === 0) throw new UsageError(`--data: expected depth that varies, got the same everywhere in ${name}`);
  const infrared = modalities.includes("ir");
  if (infrared && irMean === undefined) {
    throw new UsageError(`--modalities: expected rgb,depth, for ${name} has no infrared, got ${modalities}`);
  }
  if (infrared && irStd === 0) {
    throw new UsageError(`--data: expected infrared that varies, got the same everywhere in ${name}`);
  }
  return {
    name,
    width,
    height,
    classes: [...classes],
    splits: Object.fromEntries(splits.map((split) => [split, dataset.size(split)])),
    depth: { mean: depthMean, std: depthStd },
    ...(infrared && { ir: { mean: irMean!, std: irStd } }),
    classWeights: classWeights === "equal" ? null : medianFrequency(task === "segment" ? labelCounts : classCounts),
    validation,
    evaluation,
  };
}

/**
 * Checks that a dataset can be given to a run's networks.
 * @throws FormatError naming what differs.
 */
export function checkSameKind(dataset: Dataset, facts: DatasetFacts, task: Task): void {
  const size = (of: { width: number; height: number }) => `${of.width}x${of.height} pixels as the run was trained on`;
  if (dataset.width !== facts.width || dataset.height !== facts.height) {
    throw new FormatError(dataset.name, `images of ${size(facts)}`, `${dataset.width}x${dataset.height}`);
  }
  const classes = (names: readonly string[]) => names.join(", ");
  const own = classesOf(dataset, task);
  if (classes(own) !== classes(facts.classes)) {
    throw new FormatError(dataset.name, `the run's classes (${classes(facts.classes)})`, classes(own) || "none");
  }
}

/** How a run's images become network input, all of them or what is seen: infrared is not asked of data that it is not for. */
export function inputScale({ depth, ir }: Pick<DatasetFacts, "depth" | "ir">, seen: Seen = "all"): InputScale {
  return { ...depth, ...(ir && (seen === "ir" || seen === "all") && { ir }) };
}

/** The batches of a whole split, in order and unvaried, with what is seen. @throws InterruptedError between two of them, with a signal. */
export function* splitBatches(
  dataset: Dataset,
  split: string,
  { task, batch }: Pick<Settings, "task" | "batch">,
  facts: DatasetFacts,
  signal: AbortSignal | null,
  seen: Seen = "all",
): Generator<HostBatch> {
  const size = dataset.size(split);
  for (let from = 0; from < size; from += batch) {
    if (signal) checkInterrupted(signal);
    const indices = Array.from({ length: Math.min(batch, size - from) }, (_, i) => from + i);
    yield makeBatch(dataset, split, indices, inputScale(facts, seen), null, task);
  }
}
