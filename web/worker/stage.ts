import type { Dataset } from "../../src/data/sample.ts";
import { evaluate } from "../../src/model/evaluate.ts";
import { addStep, emptySums, meanLosses, trainSteps } from "../../src/model/session.ts";
import { stepsPerEpoch, trainingBatches } from "../../src/run/batches.ts";
import { splitBatches } from "../../src/run/dataset.ts";
import type { OpenStage } from "../../src/run/stage.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import type { RunRecord } from "./checkpoint.ts";
import type { News } from "./news.ts";

/** What the visitor wants a run to do instead of going on. */
export type Wish = "pause" | "stop" | null;

/** How a stage deals with the world between two steps. */
export interface Between {
  save(): Promise<void>;
  wish(): Wish;
  /** What the stage is asked for, once each. */
  asked(): ((opened: OpenStage, record: RunRecord) => Promise<void>)[];
}

// Steps between two waits for a GPU.
const GPU_BURST = 16;
// Points of a network's curves at most.
const MOST_POINTS = 400;
// Longest time between two saves, in milliseconds.
const SAVE_MS = 5000;

/** Trains the stage that a record is at to its end, or until it is broken off, which gives true: it is saved then. */
export async function trainStage(
  device: GpuDevice,
  record: RunRecord,
  opened: OpenStage,
  dataset: Dataset,
  news: News,
  { save, wish, asked }: Between,
): Promise<boolean> {
  const { trainer, method } = opened;
  const stage = record.stages[record.stage]!;
  const curve = record.curves[record.stage]!;
  const every = stepsPerEpoch(record);
  const steps = stage.epochs * every;
  const window = Math.ceil(steps / MOST_POINTS);
  let saved = performance.now();
  let began = saved;
  const batches = trainingBatches(record, stage, dataset, null);
  // An adapter on the CPU is slow enough to report, and to be interrupted, after every step.
  for await (const reports of trainSteps(trainer, steps, batches, {
    burst: device.adapter.software ? 1 : GPU_BURST,
    every,
  })) {
    const seconds = (performance.now() - began) / 1000 / reports.length;
    for (const report of reports) {
      addStep(record.sums, report, seconds);
      addStep(record.window, report, seconds);
      if (record.window.steps < window) continue;
      const { steps: taken, skipped } = record.window;
      const losses = meanLosses(record.window);
      record.window = emptySums();
      if (skipped === taken) continue;
      curve.steps.push(report.step + 1);
      for (const [name, value] of Object.entries(losses)) {
        curve.losses[name] ??= [];
        curve.losses[name].push(value);
      }
      news.point(record.stage, report.step + 1, losses);
    }
    record.stageStep = trainer.steps;
    news.step(record, seconds * reports.length, reports.length);
    if (trainer.steps % every === 0) {
      const { correct, samples } = record.sums;
      const rights = splitBatches(dataset, "val", record.settings, record.dataset);
      const { metrics } = await evaluate(device, method, rights, record.dataset.classes.length);
      const point = { step: trainer.steps, train: correct / samples, validation: metrics.top1 };
      curve.epochs.push(point);
      record.sums = emptySums();
      news.epoch(record.stage, point);
    }
    for (const answer of asked()) await answer(opened, record);
    const broken = wish() !== null;
    if (broken || performance.now() - saved > SAVE_MS) {
      await save();
      saved = performance.now();
      news.saved(record);
    }
    if (broken && trainer.steps < steps) return true;
    began = performance.now();
  }
  return false;
}
