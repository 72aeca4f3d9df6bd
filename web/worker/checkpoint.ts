import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../../src/data/safetensors.ts";
import { fromTypedArray, toTypedArray } from "../../src/data/typedArrays.ts";
import type { Stage } from "../../src/model/plan.ts";
import type { EpochSums } from "../../src/model/session.ts";
import type { Stored } from "../../src/nn/module.ts";
import type { DatasetFacts } from "../../src/run/dataset.ts";
import { addedLater } from "../../src/run/presets.ts";
import type { Settings } from "../../src/run/settings.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import type { Curve, RunChoice } from "../train/types.ts";
import type { Store } from "./store.ts";

/** All of a run but the tensors: plain data. */
export interface RunRecord {
  readonly choice: RunChoice;
  readonly settings: Settings;
  readonly dataset: DatasetFacts;
  readonly stages: Stage[];
  /** Index of the stage that is being trained, and its steps so far. */
  stage: number;
  stageStep: number;
  /** Of the epoch, and of the next point of the curve, so far. */
  sums: EpochSums;
  window: EpochSums;
  curves: Curve[];
  /** Whether nothing is left to do: trained to the end, or stopped before. */
  ended: "finished" | "stopped" | null;
  /** When it was saved, in milliseconds since 1970. */
  saved: number | null;
}

/** The trainer's tensors by name; none where the stage has not begun. */
export type TrainerState = ReadonlyMap<string, Float32Array>;

const FORMAT = "onestage-page-run-1";
const FILE = "checkpoint.safetensors";

/** Saves a run in one file, so that nothing can be torn apart. */
export async function saveRun(store: Store, record: RunRecord, state: TrainerState): Promise<void> {
  const tensors = new Map([...state].map(([name, data]) => [name, fromTypedArray(data, [data.length])]));
  const run = JSON.stringify(record);
  const metadata = { format: FORMAT, run, sha256: await digest(run, tensors) };
  await store.write(FILE, serializeSafetensors(tensors, metadata) as Uint8Array<ArrayBuffer>);
}

/** The run that is saved, or null. @throws FormatError if it is damaged */
export async function loadRun(store: Store): Promise<{ record: RunRecord; state: TrainerState } | null> {
  const bytes = await store.read(FILE);
  if (!bytes) return null;
  const { metadata, tensors } = parseSafetensors(bytes, "the saved run");
  if (metadata.format !== FORMAT) throw new FormatError("the saved run", FORMAT, String(metadata.format));
  if (metadata.sha256 !== (await digest(metadata.run!, tensors))) {
    throw new FormatError("the saved run", "content that matches its hash", "a damaged one");
  }
  const record = JSON.parse(metadata.run!) as RunRecord;
  // What an older page did not know of goes behind what it did: the scenes that are drawn are found again by the text of this.
  const settings = { ...record.settings, ...addedLater, ...record.settings };
  return { record: { ...record, settings }, state: values(tensors, "the saved run") };
}

/** Saves what an earlier stage has trained. */
export async function saveStage(store: Store, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  await store.write(`${name}.safetensors`, bytes);
}

/** The tensors that an earlier stage has trained. @throws FormatError if they are not there, or damaged */
export async function loadStage(store: Store, name: string): Promise<Map<string, Stored>> {
  const file = `${name}.safetensors`;
  const bytes = await store.read(file);
  if (!bytes) throw new FormatError(file, "the network that an earlier part of the run has trained", "none");
  const { tensors } = parseSafetensors(bytes, file);
  const data = values(tensors, file);
  return new Map([...tensors].map(([key, { shape }]) => [key, { shape, data: data.get(key)! }]));
}

function values(tensors: ReadonlyMap<string, SafeTensor>, file: string): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, tensor]) => [name, toTypedArray(tensor, file) as Float32Array]));
}

/** SHA-256 over what is said of the run and every tensor's name and data. */
async function digest(run: string, tensors: ReadonlyMap<string, SafeTensor>): Promise<string> {
  const names = [...tensors.keys()].sort();
  const parts = [
    new TextEncoder().encode(JSON.stringify([run, names])),
    ...names.map((name) => tensors.get(name)!.data),
  ];
  const whole = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
