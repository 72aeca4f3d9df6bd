import path from "node:path";
import type { Dataset } from "../data/sample.ts";
import { Encoder } from "../model/encoder.ts";
import { type Method, type MethodName, workOf } from "../model/methods.ts";
import type { Stage } from "../model/plan.ts";
import { loadPretrained } from "../model/pretrained.ts";
import { emptyBatch, epochSize, type RunShape, trainingSize } from "../run/batches.ts";
import { modalitiesOf, type Settings } from "../run/settings.ts";
import { freshMethod, type OpenStage, openRehearsal, openStage } from "../run/stage.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { RunConfig } from "./config.ts";
import type { Io } from "./io.ts";
import { loadNetwork } from "./networks.ts";
import type { Progress } from "./progress.ts";
import { runFiles } from "./runFolder.ts";
import type { Given } from "./settings.ts";
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

/** The batch size for so much data: a small folder is no reason to fail with a size that nobody chose. */
export function fittingBatch(settings: Settings, given: Given, dataset: RunConfig["dataset"]): number {
  return given.batch === undefined ? Math.min(settings.batch, epochSize({ settings, dataset })) : settings.batch;
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

/** A stage's method and trainer. */
export function openSessionStage(session: Session, stage: Stage): Promise<OpenStage> {
  const { device, config } = session;
  const { pretrained } = config.settings;
  const prepare = pretrained === null ? undefined : (method: Method) => startPretrained(method, pretrained);
  return openStage(device, config, stage, (name) => trainedMethod(session, name), prepare);
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
