import path from "node:path";
import { type CheckpointState, type LoadedCheckpoint, saveCheckpoint } from "../data/node/checkpoint.ts";
import { makeFolder } from "../data/node/files.ts";
import { appendJsonl } from "../data/node/jsonl.ts";
import { fromTypedArray, toTypedArray } from "../data/typedArrays.ts";
import { evaluate } from "../model/evaluate.ts";
import type { Method } from "../model/methods.ts";
import { addStep, type EpochSums, emptySums, trainSteps } from "../model/session.ts";
import type { StepReport, Trainer } from "../model/train.ts";
import { stepsPerEpoch, trainingBatches } from "../run/batches.ts";
import { splitBatches } from "../run/dataset.ts";
import { CHECKPOINT_SECONDS } from "../run/presets.ts";
import { checkInterrupted } from "./io.ts";
import { saveNetwork } from "./networks.ts";
import { epochRecord, warningOf } from "./records.ts";
import { runFiles } from "./runFolder.ts";
import { openSessionStage, type Session } from "./session.ts";

// Steps between two waits for a GPU.
const GPU_BURST = 16;

/** What a checkpoint says beside the tensors. */
export interface RunState extends CheckpointState {
  /** Steps of the whole run. */
  readonly step: number;
  /** Index of the stage, and its own steps. */
  readonly stage: number;
  readonly stageStep: number;
  readonly sums: EpochSums;
  /** Seconds that the run has taken so far. */
  readonly elapsed: number;
}

/**
 * Trains one stage, from a checkpoint of it where there is one, and writes its network. Every epoch ends with a line of
 * metrics and then a checkpoint, in this order, so that a kill between them repeats the line instead of losing it.
 * @throws InterruptedError after saving, if the user wants the command to end.
 */
export async function trainStage(session: Session, index: number, checkpoint: LoadedCheckpoint | null): Promise<void> {
  const { config, folder, io, progress } = session;
  const stage = config.stages[index]!;
  const perEpoch = stepsPerEpoch(config);
  const stepsBefore = config.stages.slice(0, index).reduce((steps, { epochs }) => steps + epochs * perEpoch, 0);
  const { method, trainer, dispose } = await openSessionStage(session, stage);
  let sums = emptySums();
  let warned = false;

  const save = async () => {
    const state: RunState = {
      step: stepsBefore + trainer.steps,
      stage: index,
      stageStep: trainer.steps,
      sums,
      elapsed: session.elapsed(),
    };
    const tensors = new Map(
      [...(await trainer.state())].map(([name, data]) => [name, fromTypedArray(data, [data.length])]),
    );
    await saveCheckpoint(path.join(folder, runFiles.checkpoints), { tensors, state });
  };

  const endEpoch = async ({ learningRate }: StepReport) => {
    const valTop1 = await validate(session, method);
    const epoch = trainer.steps / perEpoch;
    const record = epochRecord(stepsBefore + trainer.steps, stage.name, epoch, sums, learningRate, valTop1);
    await appendJsonl(path.join(folder, runFiles.metrics), record);
    progress.epoch(record);
    const warning = warningOf(record);
    if (warning && !warned) progress.say(`warning: ${warning}`);
    warned ||= warning !== null;
    sums = emptySums();
  };

  try {
    if (checkpoint) sums = restore(trainer, checkpoint);
    progress.begin(index, trainer.steps);
    let saved = performance.now();
    let began = saved;
    // An adapter on the CPU is slow enough to report, and to be interrupted, after every step.
    const pace = { burst: session.device.adapter.software ? 1 : GPU_BURST, every: perEpoch };
    const batches = trainingBatches(config, stage, session.dataset, session.unlabelled);
    for await (const reports of trainSteps(trainer, stage.epochs * perEpoch, batches, pace)) {
      const seconds = (performance.now() - began) / 1000;
      for (const report of reports) addStep(sums, report, seconds / reports.length);
      progress.step(trainer.steps, reports.length, sums, seconds);
      const ended = trainer.steps % perEpoch === 0;
      if (ended) await endEpoch(reports.at(-1)!);
      if (ended || io.signal.aborted || performance.now() - saved > 1000 * CHECKPOINT_SECONDS) {
        await save();
        saved = performance.now();
      }
      checkInterrupted(io.signal);
      began = performance.now();
    }
    await writeNetwork(session, method);
  } finally {
    progress.end();
    dispose();
  }
}

function restore(trainer: Trainer, { state, tensors, file }: LoadedCheckpoint): EpochSums {
  const { stageStep, sums } = state as RunState;
  const values = new Map([...tensors].map(([name, tensor]) => [name, toTypedArray(tensor, file) as Float32Array]));
  trainer.restore(values, stageStep, file);
  return { ...sums, losses: { ...sums.losses } };
}

async function validate({ device, dataset, config }: Session, method: Method): Promise<number | undefined> {
  const { validation, classes } = config.dataset;
  if (validation === null) return undefined;
  // Not broken off: the epoch's work is saved only behind it.
  const batches = splitBatches(dataset, validation, config.settings, config.dataset);
  return (await evaluate(device, method, batches, classes.length)).metrics.top1;
}

async function writeNetwork(session: Session, method: Method): Promise<void> {
  const file = session.networkFile(method.name);
  await makeFolder(path.dirname(file));
  await saveNetwork(file, method.network);
}
