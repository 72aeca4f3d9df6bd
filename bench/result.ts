import { UsageError } from "../src/tensor/errors.ts";
import type { Facts } from "./facts.ts";
import type { Summary } from "./statistics.ts";

/** The name and version of the JSON that `--json` writes. */
export const FORMAT = "onestage-bench/1";

/** What the adapter can do at most, as measured by this run. */
export interface Ceilings {
  /** Floating-point operations and bytes a second. */
  flops: number;
  bytes: number;
  source: string;
}

/** What was measured of one case; times in milliseconds of one run. */
export interface Row {
  name: string;
  group: "kernel" | "train" | "infer";
  block: string;
  flops: number | null;
  bytes: number | null;
  /** The first run, with compiling. */
  first: number;
  /** From the first call until the GPU is done; between two GPU timestamps; until everything is submitted. */
  wall: Summary;
  gpu: Summary | null;
  host: Summary;
  /** What one run asks of the device. */
  dispatches: number;
  submits: number;
  /** Buffers made by one warm run. */
  buffers: number;
  /** Peak of the case's own live bytes in a warm run, and planned and naive bytes where memory was planned. */
  memory: { peak: number; planned?: number; naive?: number };
}

/** A case left out, and why. */
export interface Skipped {
  name: string;
  reason: string;
}

/** One point of a scaling curve. */
export interface ScalingPoint {
  x: number;
  flops: number;
  time: Summary;
  peak: number;
  dispatches: number;
}

/** Cost of a training step as one extent grows. */
export interface ScalingCurve {
  /** What grows. */
  axis: string;
  /** What the rest is. */
  scenario: string;
  points: ScalingPoint[];
  /** Points left out, with the reason. */
  skipped: Skipped[];
}

/** One engine on one case of the peers. */
export interface PeerRow {
  engine: string;
  version: string | null;
  /** Why there are no times. */
  skipped?: string;
  method?: string;
  /** Largest error against the float64 reference, or of the losses against theirs, relative. */
  error?: number;
  /** Largest difference from our outputs, relative. */
  difference?: number;
  /** Whether both are within the bounds; times of wrong results take part in no ratio. */
  right?: boolean;
  /** Until the first run is done: with uploading and compiling. */
  first?: number;
  time?: Summary;
  dispatches?: number;
  submits?: number;
  bindGroups?: number;
  buffers?: number;
  /** GPU bytes held after, and at most during, the case; null where the engine's device is out of reach. */
  memory?: { live: number; peak: number } | null;
}

/** All engines on one case, and the fastest right peer's median divided by ours. */
export interface PeerCaseResult {
  name: string;
  flops: number;
  engines: PeerRow[];
  ratio: number | null;
  fastest: string | null;
}

/** Everything that one run of the bench found. */
export interface Result {
  format: typeof FORMAT;
  facts: Facts;
  options: { filter: string | null; rounds: number; budget: number };
  ceilings: Ceilings | null;
  rows: Row[];
  skipped: Skipped[];
  scaling: ScalingCurve[];
  peers: PeerCaseResult[];
  /** Whether the user ended the run before everything was measured. */
  interrupted: boolean;
}

/** The result of a run that has measured nothing yet. */
export function freshResult(facts: Facts, options: Result["options"]): Result {
  return {
    ...{ format: FORMAT, facts, options },
    ...{ ceilings: null, rows: [], skipped: [], scaling: [], peers: [], interrupted: false },
  };
}

/** The time that a row is judged by: the GPU's for kernels where there are timestamps, else wall time. */
export function judged(row: Pick<Row, "group" | "wall" | "gpu">): Summary {
  return row.group === "kernel" && row.gpu ? row.gpu : row.wall;
}

/** Share of what the adapter attains at this row's operations per byte (the roofline); null where either is unknown. */
export function attained(row: Row, ceilings: Ceilings | null): number | null {
  if (!ceilings || !row.flops) return null;
  const seconds = judged(row).median / 1000;
  const least = Math.max(row.flops / ceilings.flops, (row.bytes ?? 0) / ceilings.bytes);
  return least / seconds;
}

/** Reads what `--json` wrote. @throws UsageError naming the file when it is something else. */
export function parseResult(text: string, file: string): Result {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file}: expected JSON that the bench wrote, got: ${(error as Error).message}`);
  }
  const { format, facts, rows } = (value ?? {}) as Partial<Record<keyof Result, unknown>>;
  if (format !== FORMAT) throw new UsageError(`${file}: expected the format ${FORMAT}, got ${JSON.stringify(format)}`);
  if (!Array.isArray(rows) || !rows.every(isRow)) {
    throw new UsageError(`${file}: expected rows with names and times, got something else`);
  }
  if (!areFacts(facts)) throw new UsageError(`${file}: expected what the run was made on, got something else`);
  return value as Result;
}

type Loose<T> = { [K in keyof T]?: unknown };

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function isRow(row: unknown): boolean {
  if (!isRecord(row)) return false;
  const { name, group, wall, gpu = null }: Loose<Row> = row;
  return typeof name === "string" && typeof group === "string" && isSummary(wall) && (gpu === null || isSummary(gpu));
}

function isSummary(summary: unknown): boolean {
  if (!isRecord(summary)) return false;
  const { median, spread, n }: Loose<Summary> = summary;
  return [median, spread, n].every((number) => typeof number === "number");
}

function areFacts(facts: unknown): boolean {
  if (!isRecord(facts)) return false;
  const { date, adapter, machine, versions }: Loose<Facts> = facts;
  return typeof date === "string" && [adapter, machine, versions].every(isRecord);
}
