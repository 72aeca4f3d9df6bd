import path from "node:path";
import { type MetricsRecord, readJsonl } from "../data/node/jsonl.ts";
import type { MethodName } from "../model/methods.ts";
import { type EpochSums, meanLosses } from "../model/session.ts";
import type { CurveReport } from "../report/index.ts";
import { runFiles } from "./runFolder.ts";

/** One line of metrics.jsonl: an epoch of one stage. */
export interface EpochRecord extends MetricsRecord {
  /** Steps of the whole run so far. */
  readonly step: number;
  readonly stage: MethodName;
  /** Counted from 1 in each stage. */
  readonly epoch: number;
  /** Means of the total loss and its unweighted terms. */
  readonly losses: Readonly<Record<string, number>>;
  /** Share of the training images classified right while training. */
  readonly trainTop1: number;
  /** The same on the validation split at the end of the epoch, where there is one. */
  readonly valTop1?: number;
  /** Of the last step. */
  readonly learningRate: number;
  readonly samplesPerSecond: number;
  /** Steps skipped because the loss or the gradient was not finite. */
  readonly skipped: number;
  /** Wall time of the training steps. */
  readonly seconds: number;
}

/** Mean |J2| below which the translators count as collapsed. Source: prototype.md §8. */
const COLLAPSED = 0.05;

/** The record of an epoch from its sums. */
export function epochRecord(
  step: number,
  stage: MethodName,
  epoch: number,
  sums: EpochSums,
  learningRate: number,
  valTop1: number | undefined,
): EpochRecord {
  const { correct, samples, skipped, seconds } = sums;
  return {
    step,
    stage,
    epoch,
    losses: meanLosses(sums),
    trainTop1: correct / samples,
    ...(valTop1 === undefined ? {} : { valTop1 }),
    learningRate,
    samplesPerSecond: samples / seconds,
    skipped,
    seconds,
  };
}

/** All records of a run. */
export async function readRecords(folder: string): Promise<EpochRecord[]> {
  return (await readJsonl(path.join(folder, runFiles.metrics))) as EpochRecord[];
}

/** The curves of each stage, for the report. */
export function curvesOf(records: readonly EpochRecord[]): CurveReport[] {
  const stages = [...new Set(records.map(({ stage }) => stage))];
  return stages.map((network) => {
    const own = records.filter(({ stage }) => stage === network);
    const terms = [...new Set(own.flatMap(({ losses }) => Object.keys(losses)))];
    const { translator, ...losses } = Object.fromEntries(
      terms.map((term) => [term, own.map((record) => record.losses[term] ?? Number.NaN)]),
    );
    const validated = own.some(({ valTop1 }) => valTop1 !== undefined);
    return {
      network,
      epochs: own.map(({ epoch }) => epoch),
      losses,
      trainTop1: own.map(({ trainTop1 }) => trainTop1),
      ...(validated ? { valTop1: own.map(({ valTop1 }) => valTop1 ?? null) } : {}),
      ...(translator ? { translatorMean: translator } : {}),
    };
  });
}

/** What an epoch shows that its reader should know, or null. */
export function warningOf({ stage, epoch, losses }: EpochRecord): string | null {
  const { translator } = losses;
  if (translator === undefined || translator >= COLLAPSED) return null;
  return `${stage}: the translators' mean |J2| fell to ${translator.toPrecision(2)} in epoch ${epoch}, below ${COLLAPSED}: they carry little; a smaller --lambda may help`;
}

/** The notes that the records of a run give rise to: the first warning of each stage, and skipped steps. */
export function notesOf(records: readonly EpochRecord[]): string[] {
  const notes: string[] = [];
  for (const stage of new Set(records.map((record) => record.stage))) {
    const own = records.filter((record) => record.stage === stage);
    const warning = own.map(warningOf).find((text) => text !== null);
    if (warning) notes.push(warning);
    const skipped = own.reduce((sum, record) => sum + record.skipped, 0);
    if (skipped > 0)
      notes.push(`${stage}: ${skipped} steps were skipped because their loss or gradient was not finite`);
  }
  return notes;
}
