import path from "node:path";
import { makeBatch } from "../data/batch.ts";
import { openFolder } from "../data/node/folder.ts";
import type { Dataset } from "../data/sample.ts";
import { sceneDataset } from "../data/scenes/index.ts";
import { statistics } from "../data/statistics.ts";
import type { HostBatch } from "../model/train.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import type { DatasetFacts } from "./config.ts";
import { checkInterrupted, type Io } from "./io.ts";
import { type Settings, sceneCounts } from "./settings.ts";

/** What says which data a command works on. */
export type DataChoice = Pick<Settings, "data" | "size" | "scenes" | "seed">;

/**
 * Opens the dataset folder, or makes the built-in scenes.
 * @throws FormatError | OnestageError naming the file that cannot be used.
 */
export async function openDataset({ data, size, scenes, seed }: DataChoice, io: Io): Promise<Dataset> {
  if (data === null) return sceneDataset({ seed, width: size!, height: size!, ...sceneCounts(scenes!) });
  const started = Date.now();
  let said = started;
  return openFolder(data, {
    onProgress(done, total) {
      checkInterrupted(io.signal);
      if (Date.now() - said < 5000) return;
      said = Date.now();
      io.say(`reading ${path.basename(data)}: ${done} of ${total} images`);
    },
  });
}

/**
 * What a run must know about its dataset.
 * @throws UsageError if it has no image classes, or not the splits to train and to evaluate on.
 */
export function datasetFacts(dataset: Dataset): DatasetFacts {
  const { name, width, height, classes, splits } = dataset;
  if (classes.length < 2) {
    throw new UsageError(`--data: expected images with 2 or more classes, got ${classes.length} in ${name}`);
  }
  const evaluation = splits.find((split) => split === "test") ?? splits.find((split) => split === "val");
  if (!splits.includes("train") || !evaluation) {
    throw new UsageError(`--data: expected the splits train and val or test, got ${splits.join(", ")} in ${name}`);
  }
  const validation = evaluation === "test" && splits.includes("val") ? "val" : null;
  const { depthMean, depthStd } = statistics(dataset, "train");
  if (depthStd === 0) throw new UsageError(`--data: expected depth that varies, got the same everywhere in ${name}`);
  return {
    name,
    width,
    height,
    classes: [...classes],
    splits: Object.fromEntries(splits.map((split) => [split, dataset.size(split)])),
    depth: { mean: depthMean, std: depthStd },
    validation,
    evaluation,
  };
}

/**
 * Checks that a dataset can be given to a run's networks.
 * @throws FormatError naming what differs.
 */
export function checkSameKind(dataset: Dataset, facts: DatasetFacts): void {
  const size = (of: { width: number; height: number }) => `${of.width}x${of.height} pixels as the run was trained on`;
  if (dataset.width !== facts.width || dataset.height !== facts.height) {
    throw new FormatError(dataset.name, `images of ${size(facts)}`, `${dataset.width}x${dataset.height}`);
  }
  const classes = (names: readonly string[]) => names.join(", ");
  if (classes(dataset.classes) !== classes(facts.classes)) {
    throw new FormatError(dataset.name, `the run's classes (${classes(facts.classes)})`, classes(dataset.classes));
  }
}

/** The batches of a whole split, in order and unvaried. @throws InterruptedError between two of them, with a signal. */
export function* splitBatches(
  dataset: Dataset,
  split: string,
  batch: number,
  { depth }: DatasetFacts,
  signal: AbortSignal | null,
): Generator<HostBatch> {
  const size = dataset.size(split);
  for (let from = 0; from < size; from += batch) {
    if (signal) checkInterrupted(signal);
    const indices = Array.from({ length: Math.min(batch, size - from) }, (_, i) => from + i);
    yield makeBatch(dataset, split, indices, depth, null);
  }
}
