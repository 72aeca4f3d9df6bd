import path from "node:path";
import { HELD_OUT, holdOut } from "../data/holdOut.ts";
import { openFolder } from "../data/node/folder.ts";
import type { Dataset } from "../data/sample.ts";
import type { Task } from "../model/task.ts";
import type { DatasetFacts } from "../run/dataset.ts";
import { builtInScenes, classesOf } from "../run/dataset.ts";
import type { Settings } from "../run/settings.ts";
import { FormatError } from "../tensor/errors.ts";
import { checkInterrupted, type Io } from "./io.ts";

// Time without a word, in milliseconds.
const SILENT_MS = 5000;

/** What says which data a command works on. */
export type DataChoice = Pick<Settings, "data" | "size" | "scenes" | "seed" | "epochs">;

/**
 * Opens the dataset folder, or makes the built-in scenes.
 * @throws FormatError | OnestageError naming the file that cannot be used.
 */
export async function openDataset({ data, size, scenes, seed, epochs }: DataChoice, io: Io): Promise<Dataset> {
  if (data === null) {
    return builtInScenes({ size: size!, scenes: scenes!, seed, epochs });
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

/**
 * What is learnt from without labels beside a dataset, but for images by the names of held-out ones; null for nothing.
 * @throws FormatError if its depth is in other steps than that of `facts`.
 */
export async function openUnlabelled(
  settings: DataChoice & Pick<Settings, "unlabelled" | "extra">,
  dataset: Dataset,
  facts: DatasetFacts,
  io: Io,
): Promise<Dataset | null> {
  const { unlabelled, extra } = settings;
  if (unlabelled === null || extra === 0) return null;
  const size = dataset.splits.includes(HELD_OUT) ? dataset.size(HELD_OUT) : 0;
  const held = Array.from({ length: size }, (_, i) => dataset.sample(HELD_OUT, i).name);
  return openPool({ ...settings, data: unlabelled }, held, facts, io);
}

/**
 * Opens what is learnt from without labels, but for images of these names.
 * @throws FormatError if its depth is in other steps than that of `facts`.
 */
export async function openPool(
  choice: DataChoice,
  held: readonly string[],
  facts: DatasetFacts,
  io: Io,
): Promise<Dataset> {
  const pool = await openDataset(choice, io);
  checkSameUnit(pool, facts);
  return without(pool, new Set(held));
}

/** A dataset without the training samples of these names: so that what is held out is not seen without its label either. */
function without(dataset: Dataset, names: ReadonlySet<string>): Dataset {
  const kept: number[] = [];
  for (let i = 0; i < dataset.size("train"); i++) if (!names.has(dataset.sample("train", i).name)) kept.push(i);
  const { name, width, height, classes, labels, depthUnit } = dataset;
  return {
    ...{ name, width, height, classes, labels, depthUnit, splits: ["train"] },
    size: () => kept.length,
    sample: (split, index) => dataset.sample(split, kept[index] ?? -1),
  };
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

/** @throws FormatError if depth is not in the steps that networks learn it in. */
function checkSameUnit({ name, depthUnit = "mm" }: Dataset, { depthUnit: wanted = "mm" }: DatasetFacts): void {
  if (depthUnit !== wanted) throw new FormatError(name, `depth in ${wanted}, as the run is trained on`, depthUnit);
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
  checkSameUnit(dataset, facts);
  const classes = (names: readonly string[]) => names.join(", ");
  const own = classesOf(dataset, task);
  if (classes(own) !== classes(facts.classes)) {
    throw new FormatError(dataset.name, `the run's classes (${classes(facts.classes)})`, classes(own) || "none");
  }
}
