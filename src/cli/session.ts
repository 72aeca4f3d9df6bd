import path from "node:path";
import { type Augmentation, viewSize } from "../data/augment.ts";
import { epochOrder, makeBatch } from "../data/batch.ts";
import { MemoryDataset } from "../data/memory.ts";
import type { Size } from "../data/resample.ts";
import type { Dataset } from "../data/sample.ts";
import { unlabelledSample } from "../data/unlabelled.ts";
import { Encoder } from "../model/encoder.ts";
import { buildMethod, type Method, type MethodName, methods, workOf } from "../model/methods.ts";
import type { Stage } from "../model/plan.ts";
import { loadPretrained } from "../model/pretrained.ts";
import { defaultTraining, type HostBatch, Trainer } from "../model/train.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import type { DatasetFacts, RunConfig } from "./config.ts";
import { inputScale } from "./dataset.ts";
import type { Io } from "./io.ts";
import { loadNetwork } from "./networks.ts";
import type { Progress } from "./progress.ts";
import { runFiles } from "./runFolder.ts";
import { type Given, modalitiesOf, networkConfig, type Settings } from "./settings.ts";
import { readWeights } from "./weights.ts";

/** A run that is being trained by this process. */
export interface Session {
  readonly io: Io;
  readonly folder: string;
  readonly config: RunConfig;
  readonly dataset: Dataset;
  /** What is learnt from without labels, if anything. */
  readonly unlabelled: Dataset | null;
  readonly progress: Progress;
  device: GpuDevice;
  /** Where the network of a stage lies, or will lie, that this run trains or learns from. */
  networkFile(name: MethodName): string;
  /** Seconds that the run has taken, those of earlier processes included. */
  elapsed(): number;
}

/** Steps of an epoch: the last batch is left out if it is not full. */
export function stepsPerEpoch({ settings, dataset }: Pick<RunConfig, "settings" | "dataset">): number {
  return Math.floor(epochSize({ settings, dataset }) / settings.batch);
}

/** Training images of one epoch: all of a folder's; of the built-in scenes, which are new in every epoch, their share. */
export function epochSize({ settings, dataset }: Pick<RunConfig, "settings" | "dataset">): number {
  const all = dataset.splits.train!;
  return settings.data === null ? all / settings.epochs : all;
}

/** The batch size for so much data: a small folder is no reason to fail with a size that nobody chose. */
export function fittingBatch(settings: Settings, given: Given, dataset: RunConfig["dataset"]): number {
  return given.batch === undefined ? Math.min(settings.batch, epochSize({ settings, dataset })) : settings.batch;
}

/** A stage's method with fresh weights. */
export function freshMethod(
  device: GpuDevice,
  { settings, dataset }: Pick<RunShape, "settings" | "dataset">,
  name: MethodName,
  needed: Readonly<Record<string, Method>> = {},
): Method {
  const rng = new Rng(settings.seed, "network", name);
  return buildMethod(name, device, rng, networkConfig(settings, dataset), needed);
}

/** A method with the weights that its stage has trained, for inference. @throws FormatError if they are damaged. */
export async function trainedMethod(session: Session, name: MethodName): Promise<Method> {
  const method = freshMethod(session.device, session.config, name);
  await loadNetwork(session.networkFile(name), method.network);
  return method;
}

/** Where a stage's network lies in the folder of a run. */
export function networkIn(folder: string): (name: MethodName) => string {
  return (name) => path.join(folder, runFiles.networks, `${name}.safetensors`);
}

/** Networks that a stage needs, made by `make`, by what they are for. */
async function needed({ needs }: Stage, make: (name: MethodName) => Method | Promise<Method>) {
  const made = Object.entries(needs).map(async ([part, name]) => [part, await make(name)] as const);
  return Object.fromEntries(await Promise.all(made));
}

/** Frees a method with everything that is trained with it. */
export function disposeMethod({ network, trained }: Method): void {
  for (const module of new Set([network, ...trained.values()])) module.dispose();
}

/** A stage's method and trainer, and what to free at its end. */
export async function openStage(session: Session, stage: Stage) {
  const { device, config } = session;
  const { settings } = config;
  const earlier = await needed(stage, (name) => trainedMethod(session, name));
  const method = freshMethod(device, config, stage.name, earlier);
  if (settings.pretrained !== null) await startPretrained(method, settings.pretrained);
  await method.begin?.();
  const { lr, accumulate } = settings;
  const learningRate = lr * methods[stage.name].rate;
  const training = { ...defaultTraining(stage.epochs * stepsPerEpoch(config)), learningRate, accumulate };
  const trainer = new Trainer(device, method, training, new Rng(settings.seed, "steps", stage.name));
  const dispose = () => {
    trainer.dispose();
    for (const own of [method, ...Object.values(earlier)]) disposeMethod(own);
  };
  return { method, trainer, dispose };
}

/** Gives every encoder of a method the weights of a file. @throws FormatError if it does not fit them. */
async function startPretrained({ trained }: Method, file: string): Promise<void> {
  const tensors = await readWeights(file);
  for (const module of trained.values()) {
    for (const part of [module, ...module.modules().values()]) {
      if (part instanceof Encoder) loadPretrained(part, tensors, file);
    }
  }
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
export function trainingBatches({ config, dataset, unlabelled }: Session, stage: Stage): (step: number) => HostBatch {
  const { settings, dataset: facts } = config;
  const { batch } = settings;
  const rng = new Rng(settings.seed, "data");
  const augmentation = augmentationOf(settings, facts);
  const extra = methods[stage.name].reads.includes("extra") ? settings.extra : 0;
  const perEpoch = stepsPerEpoch(config);
  const size = epochSize(config);
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
export type RunShape = Pick<RunConfig, "settings" | "stages"> & {
  dataset: Pick<DatasetFacts, "width" | "height" | "classes" | "classWeights" | "ir">;
};

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

/** A stage's method and trainer with fresh weights, to be thrown away, and what to free then. */
export async function openRehearsal(device: GpuDevice, shape: RunShape, stage: Stage) {
  const earlier = await needed(stage, (name) => freshMethod(device, shape, name));
  const method = freshMethod(device, shape, stage.name, earlier);
  await method.begin?.();
  const { seed, accumulate } = shape.settings;
  const trainer = new Trainer(device, method, { ...defaultTraining(1), accumulate }, new Rng(seed));
  const dispose = () => {
    trainer.dispose();
    for (const own of [method, ...Object.values(earlier)]) disposeMethod(own);
  };
  return { method, trainer, dispose };
}

/**
 * Trains one step of the largest stage on an empty batch and forgets it, so that what does not fit is known before
 * anything is written.
 * @throws OutOfMemoryError naming what does not fit, UsageError where the adapter lacks what is asked for.
 */
export async function rehearse(device: GpuDevice, shape: RunShape): Promise<void> {
  const { batch } = shape.settings;
  checkShape(device, shape);
  const { width, height } = trainingSize(shape);
  // On the device first: its limits are known, the host's memory is not.
  device.empty([batch, height, width, 3], `--batch ${batch}`).dispose();
  const modalities = modalitiesOf(shape.settings);
  const work = ({ name }: Stage) => workOf(name, modalities);
  const heaviest = [...shape.stages].sort((a, b) => work(b) - work(a))[0]!;
  const { trainer, dispose } = await openRehearsal(device, shape, heaviest);
  await trainer.step(emptyBatch(shape, { width, height }));
  dispose();
}

/** @throws UsageError where the adapter lacks what the settings ask for, or a batch has no such parts. */
export function checkShape({ gpu }: GpuDevice, { settings }: RunShape): void {
  const { precision, batch, accumulate } = settings;
  if (precision === "f16" && !gpu.features.has("shader-f16")) {
    throw new UsageError("--precision: expected f32 on this adapter, which has no shader-f16, got f16");
  }
  if (batch % accumulate !== 0) {
    throw new UsageError(`--accumulate: expected a divisor of the batch of ${batch} images, got ${accumulate}`);
  }
}
