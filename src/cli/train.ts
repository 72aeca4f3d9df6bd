import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { isTemporary } from "../data/node/atomic.ts";
import { type LoadedCheckpoint, loadCheckpoint } from "../data/node/checkpoint.ts";
import { readText } from "../data/node/files.ts";
import { truncateJsonl } from "../data/node/jsonl.ts";
import type { Dataset } from "../data/sample.ts";
import { renderSummary } from "../report/index.ts";
import { epochSize, stepsPerEpoch } from "../run/batches.ts";
import { datasetFacts, passedOver } from "../run/dataset.ts";
import type { Settings } from "../run/settings.ts";
import { kernelChoices, noChoices } from "../tensor/choices.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { DeviceLostError, FormatError, UsageError } from "../tensor/errors.ts";
import { VERSION } from "../tensor/version.ts";
import { FORMAT, planOf, type RunConfig, readConfig, writeConfig } from "./config.ts";
import { drawScenes, openTrainingData, openUnlabelled } from "./dataset.ts";
import { adapterName, finishRun } from "./finish.ts";
import { quoted } from "./flag.ts";
import { checkInterrupted, InterruptedError, type Io } from "./io.ts";
import { tellKernels, tunedStore, useRunKernels, useStored } from "./kernels.ts";
import { lockFolder } from "./lock.ts";
import { Progress } from "./progress.ts";
import { checkOut, createRun, findRun, type OpenRun, runFiles } from "./runFolder.ts";
import { fittingBatch, networkIn, rehearse, type Session } from "./session.ts";
import { checkUnchanged, type Given, newSettings } from "./settings.ts";
import { type RunState, trainStage } from "./stage.ts";
import { tuneStages } from "./tuning.ts";

/** The flags of `train` that do not change what is computed. */
export interface TrainOptions {
  out?: string;
  resume?: boolean;
  force?: boolean;
  /** Tune the jobs first that have no choice yet. */
  tune?: boolean;
  /** Whether stored kernel choices are used; they are unless it is false. */
  tuned?: boolean;
  json?: boolean;
}

// So many lost devices end a run.
const MAX_LOST = 3;

/** Trains a new run, or continues one. */
export async function train(given: Given, options: TrainOptions, io: Io): Promise<void> {
  const { resume, force, tune, tuned } = options;
  if (resume && force) throw new UsageError("--force: expected not to come with --resume, got both");
  const about = tune ? "--tune" : "--no-tuned";
  if (tune && tuned === false) throw new UsageError("--tune: expected not to come with --no-tuned, got both");
  if (resume && (tune || tuned === false)) {
    throw new UsageError(`${about}: expected not to come with --resume (a run keeps its kernels), got both`);
  }
  if (resume) await resumeRun(given, options, io);
  else await startRun(given, options, io);
}

async function startRun(given: Given, options: TrainOptions, io: Io): Promise<void> {
  const { out, force = false, json } = options;
  const settings = newSettings(given);
  await checkOut(out, force);
  const dataset = await openTraining(settings, io);
  const config = newConfig(settings, given, dataset, io);
  checkInterrupted(io.signal);
  const device = await io.openDevice();
  const store = options.tuned === false ? null : tunedStore(io);
  await useStored(device, store, io);
  await rehearse(device, config);
  checkBatch(config);
  if (options.tune) await tuneStages(device, config, { store, io });
  config.kernels = kernelChoices(device);
  checkInterrupted(io.signal);
  const run = await createRun(out, `${settings.data === null ? "scenes" : dataset.name}-${settings.seed}`, force);
  await holding(run, async () => {
    await writeConfig(run.folder, config);
    await work(run.folder, config, dataset, device, io, json);
  });
}

async function resumeRun(given: Given, { out, json }: TrainOptions, io: Io): Promise<void> {
  const folder = await findRun(out);
  const config = await readConfig(folder);
  checkUnchanged(config.settings, given);
  const finished = await readText(path.join(folder, runFiles.results)).catch(() => null);
  if (finished !== null) {
    io.say(`${show(folder)} is finished: nothing is left to train`);
    if (json) io.out(`${JSON.stringify({ folder, ...JSON.parse(finished) })}\n`);
    return;
  }
  const dataset = await openTraining(config.settings, io);
  const facts = JSON.stringify(datasetFacts(dataset, config.settings));
  if (facts !== JSON.stringify(config.dataset)) {
    throw new FormatError(dataset.name, "the images that the run was started with", "others");
  }
  const device = await io.openDevice();
  useRunKernels(device, config.kernels, io);
  await holding({ folder, release: await lockFolder(folder) }, async () => {
    await removeTemporary(folder);
    await work(folder, config, dataset, device, io, json);
  });
}

async function openTraining(settings: Settings, io: Io): Promise<Dataset> {
  const dataset = await openTrainingData(settings, io);
  if (settings.data === null) await drawScenes(dataset, io);
  return dataset;
}

function newConfig(settings: Settings, given: Given, dataset: Dataset, io: Io): RunConfig {
  const facts = datasetFacts(dataset, settings);
  const passed = passedOver(facts);
  if (passed !== null) io.say(passed);
  return {
    format: FORMAT,
    version: VERSION,
    created: new Date().toISOString(),
    command: ["onestage", ...io.argv].map(quoted).join(" "),
    settings: { ...settings, batch: fittingBatch(settings, given, facts) },
    dataset: facts,
    ...planOf(settings),
    kernels: noChoices,
  };
}

function checkBatch({ settings, dataset }: RunConfig): void {
  const samples = epochSize({ settings, dataset });
  if (settings.batch <= samples) return;
  throw new UsageError(`--batch: expected at most ${samples}, the number of training images, got ${settings.batch}`);
}

/** Runs `body` while this process holds the run, and gives it back whatever happens. */
async function holding(run: OpenRun, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof InterruptedError) {
      const again = `onestage train --resume --out ${quoted(show(run.folder))}`;
      throw new InterruptedError(`interrupted; saved in ${show(run.folder)}, to go on: ${again}`);
    }
    throw error;
  } finally {
    await run.release();
  }
}

async function work(
  folder: string,
  config: RunConfig,
  dataset: Dataset,
  device: GpuDevice,
  io: Io,
  json: boolean | undefined,
): Promise<void> {
  const { settings, stages } = config;
  const progress = new Progress(io, stages, stepsPerEpoch(config));
  const started = performance.now();
  let before = 0;
  const elapsed = () => before + (performance.now() - started) / 1000;
  const session: Session = {
    ...{ io, folder, config, dataset, device, progress, elapsed },
    unlabelled: await openUnlabelled(settings, dataset, config.dataset, io),
    networkFile: networkIn(folder),
  };
  io.say(`${show(folder)}: ${stages.length} network${stages.length > 1 ? "s" : ""} on ${adapterName(device)}`);
  tellKernels(device, io);
  for (let lost = 0; ; ) {
    try {
      const checkpoint = await newestCheckpoint(session);
      // Time goes on from the checkpoint only at the start of a process.
      if (lost === 0) before = (checkpoint?.state as RunState | undefined)?.elapsed ?? 0;
      await trainStages(session, checkpoint);
      const { results, report } = await finishRun(session);
      if (json) io.out(`${JSON.stringify({ folder, ...results })}\n`);
      else io.out(`\n${renderSummary(report)}\nReport: ${show(path.join(folder, runFiles.report))}\n`);
      return;
    } catch (error) {
      if (!(error instanceof DeviceLostError) || ++lost > MAX_LOST) throw error;
      io.say(`warning: the GPU device was lost; going on from the last checkpoint (${error.message})`);
      session.device = await io.openDevice();
      useRunKernels(session.device, config.kernels, io);
    }
  }
}

async function newestCheckpoint({ folder, config, io }: Session): Promise<LoadedCheckpoint | null> {
  const checkpoint = (await loadCheckpoint(path.join(folder, runFiles.checkpoints))) ?? null;
  for (const message of checkpoint?.damaged ?? []) io.say(`warning: passed over a damaged checkpoint: ${message}`);
  if (checkpoint && !((checkpoint.state as RunState).stage in config.stages)) {
    throw new FormatError(checkpoint.file, "a checkpoint of this run", "one of a stage that it does not have");
  }
  return checkpoint;
}

async function trainStages(session: Session, checkpoint: LoadedCheckpoint | null): Promise<void> {
  const { config, folder } = session;
  const state = checkpoint?.state as RunState | undefined;
  await truncateJsonl(path.join(folder, runFiles.metrics), state?.step ?? 0);
  const first = state?.stage ?? 0;
  for (let index = first; index < config.stages.length; index++) {
    await trainStage(session, index, index === first ? checkpoint : null);
  }
}

/** Removes what a killed process was just writing. */
async function removeTemporary(folder: string): Promise<void> {
  for (const part of [folder, path.join(folder, runFiles.networks)]) {
    for (const name of await readdir(part).catch(() => [] as string[])) {
      if (isTemporary(name)) await rm(path.join(part, name), { force: true });
    }
  }
}

/** A path as short as it can be said here. */
function show(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}
