import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadCheckpoint } from "../../data/node/checkpoint.ts";
import { makeFolder } from "../../data/node/files.ts";
import { truncateJsonl } from "../../data/node/jsonl.ts";
import type { Dataset } from "../../data/sample.ts";
import { predictionCost } from "../../model/cost.ts";
import { evaluate } from "../../model/evaluate.ts";
import type { Method, MethodName } from "../../model/methods.ts";
import { Predictor } from "../../model/predictor.ts";
import { liveClassOf } from "../../model/spoofing.ts";
import { emptyBatch, stepsPerEpoch } from "../../run/batches.ts";
import { type DatasetFacts, splitBatches } from "../../run/dataset.ts";
import { disposeMethod } from "../../run/stage.ts";
import { noChoices } from "../../tensor/choices.ts";
import type { GpuDevice } from "../../tensor/device.ts";
import { DeviceLostError, UsageError } from "../../tensor/errors.ts";
import { VERSION } from "../../tensor/version.ts";
import { FORMAT, planOf, type RunConfig } from "../config.ts";
import { adapterName } from "../finish.ts";
import { checkInterrupted, type Io, interruptibly } from "../io.ts";
import { lockFolder } from "../lock.ts";
import { Progress } from "../progress.ts";
import { readRecords } from "../records.ts";
import { runFiles } from "../runFolder.ts";
import { type Session, trainedMethod } from "../session.ts";
import { type RunState, trainStage } from "../stage.ts";
import type { CellResult, CompareFolder, StageRecord } from "./folder.ts";
import { type Cell, type KeyedStage, stagesOf } from "./matrix.ts";

// So many lost devices end a stage, and so long another process's work on one is waited for before looking again.
const MAX_LOST = 3;
const WAIT_MS = 2000;

/** What the cells of a comparison have in common. */
export interface Workplace {
  readonly io: Io;
  readonly folder: CompareFolder;
  readonly dataset: Dataset;
  /** What is learnt from without labels, if anything. */
  readonly unlabelled: Dataset | null;
  readonly facts: DatasetFacts;
  device: GpuDevice;
}

/**
 * Brings one cell about: trains those of its stages that nobody has trained yet, from where they were left, evaluates the
 * last and keeps the result. Done again it finds all of that and only reads the result.
 * @throws InterruptedError after saving, if the user wants the command to end.
 */
export async function runCell(place: Workplace, cell: Cell): Promise<CellResult> {
  const before = await place.folder.readCell(cell);
  if (before) return before;
  for (const stage of stagesOf(cell.stage)) await ensureStage(place, stage, cell.name);
  const result = await judge(place, cell);
  await place.folder.writeCell(cell, result);
  return result;
}

/** Trains a stage unless it has been, or waits for the process that does. */
async function ensureStage(place: Workplace, stage: KeyedStage, cell: string): Promise<void> {
  const { folder, io } = place;
  const home = folder.stageFolder(stage);
  await makeFolder(home);
  for (let told = false; !folder.isTrained(stage); told = true) {
    const release = await lockFolder(home).catch((error) => {
      if (!(error instanceof UsageError)) throw error;
      return null;
    });
    if (!release) {
      if (!told) io.say(`${cell}: another process trains ${stage.key}`);
      await sleep(WAIT_MS);
      checkInterrupted(io.signal);
      continue;
    }
    try {
      if (!folder.isTrained(stage)) await train(place, stage, cell);
    } finally {
      await release();
    }
  }
}

async function train(place: Workplace, stage: KeyedStage, cell: string): Promise<void> {
  const { folder, io } = place;
  const home = folder.stageFolder(stage);
  for (let lost = 0; ; ) {
    try {
      const session = sessionOf(place, stage, cell);
      const checkpoint = (await loadCheckpoint(path.join(home, runFiles.checkpoints))) ?? null;
      await truncateJsonl(path.join(home, runFiles.metrics), (checkpoint?.state as RunState | undefined)?.step ?? 0);
      await trainStage(session, 0, checkpoint);
      await rm(path.join(home, runFiles.checkpoints), { recursive: true, force: true });
      return;
    } catch (error) {
      if (!(error instanceof DeviceLostError) || ++lost > MAX_LOST) throw error;
      io.say(`warning: the GPU device was lost; going on from the last checkpoint (${error.message})`);
      place.device = await io.openDevice();
    }
  }
}

/** A run of one stage, in its own folder, whose earlier networks lie in theirs. */
function sessionOf(
  { io, folder, dataset, unlabelled, facts, device }: Workplace,
  stage: KeyedStage,
  title: string,
): Session {
  const { name, needs, epochs, settings } = stage;
  const config: RunConfig = {
    ...{ format: FORMAT, version: VERSION, created: "", command: "", settings, dataset: facts },
    ...{ ...planOf(settings), stages: [{ name, needs, epochs }], kernels: noChoices },
  };
  const homes = new Map<MethodName, KeyedStage>([[name, stage]]);
  for (const earlier of Object.values(stage.earlier)) homes.set(earlier.name, earlier);
  const named: Io = { ...io, say: (line) => io.say(`${title}: ${line}`) };
  return {
    ...{ io: named, folder: folder.stageFolder(stage), config, dataset, unlabelled, device },
    progress: new Progress(named, config.stages, stepsPerEpoch(config)),
    networkFile: (network) => folder.networkFile(homes.get(network)!),
    elapsed: () => 0,
  };
}

/** Opens the trained network of a stage. @throws FormatError if its file is damaged. */
export function openTrained(place: Workplace, stage: KeyedStage): Promise<Method> {
  return trainedMethod(sessionOf(place, stage, stage.key), stage.name);
}

async function judge(place: Workplace, cell: Cell): Promise<CellResult> {
  const { io, folder, dataset, facts, device } = place;
  const { stage, method: name, row, direction, seed } = cell;
  const method = await openTrained(place, stage);
  const batches = interruptibly(splitBatches(dataset, facts.evaluation, stage.settings, facts), io.signal);
  const { metrics, perImage, averaged, averagedPerImage } = await evaluate(
    device,
    method,
    batches,
    facts.classes.length,
    stage.settings.task === "classify" ? liveClassOf(facts.classes) : null,
  );
  const stages: StageRecord[] = [];
  for (const one of stagesOf(stage)) stages.push(await recordOf(folder, one));
  const predictor = new Predictor(device, method);
  const { settings } = stage;
  const image = emptyBatch({ settings: { ...settings, batch: 1 }, stages: [], dataset: facts }, facts);
  const { flops, peakBytes } = predictionCost(predictor, image);
  const { flops: averagedFlops } = predictionCost(predictor, image, "averaged");
  predictor.dispose();
  const parameters = method.network.parameterCount();
  disposeMethod(method);
  return {
    ...{ format: "onestage-cell-1", version: VERSION, row: row.id, direction, seed, method: name, key: stage.key },
    ...{ dataset: facts.name, split: facts.evaluation, adapter: adapterName(device) },
    ...{ parameters, flops, averagedFlops, peakBytes, stages },
    ...{ metrics, perImage, averaged, averagedPerImage },
  };
}

async function recordOf(folder: CompareFolder, stage: KeyedStage): Promise<StageRecord> {
  const { name, key, epochs } = stage;
  const records = epochs === 0 ? [] : await readRecords(folder.stageFolder(stage));
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  return { name, key, epochs, seconds, losses: { ...records.at(-1)?.losses } };
}
