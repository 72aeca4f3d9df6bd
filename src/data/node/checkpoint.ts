import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { FormatError, ShapeError } from "../../tensor/errors.ts";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../safetensors.ts";
import { isTemporary, writeFileAtomic } from "./atomic.ts";
import { fileError, makeFolder, readWholeFile } from "./files.ts";

/** Everything besides tensors that a run continues from; any JSON value is allowed, `step` is required. */
export type CheckpointState = { readonly step: number } & Readonly<Record<string, unknown>>;

/** What one checkpoint holds: parameters, buffers and optimiser moments by name, and the state of the run. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly state: CheckpointState;
}

/** A checkpoint read back: its file, and one message for each newer one that was damaged and passed over. */
export interface LoadedCheckpoint extends Checkpoint {
  readonly file: string;
  readonly damaged: readonly string[];
}

const FORMAT = "onestage-checkpoint-1";
const FILE_NAME = /^checkpoint-(\d{8,16})\.safetensors$/;
const MAX_BYTES = 2 ** 34;

/**
 * Writes `folder`/checkpoint-STEP.safetensors and returns its path: one file that holds tensors, state and a hash of both,
 * so nothing can be torn apart. Afterwards only the newest `keep` checkpoints up to this step remain; later ones belong
 * to a course of the run that was given up.
 * @throws ShapeError when the state cannot be kept exactly (NaN, infinity, undefined, bigint).
 * @throws OnestageError when it cannot be written; the earlier checkpoints stay.
 */
export async function saveCheckpoint(folder: string, { tensors, state }: Checkpoint, keep = 2): Promise<string> {
  const stateJson = exactJson(state);
  const metadata = { format: FORMAT, state: stateJson, sha256: digest(tensors, stateJson) };
  // Taken before the first wait: the caller may go on training meanwhile.
  const bytes = serializeSafetensors(tensors, metadata);
  const file = path.join(folder, `checkpoint-${String(state.step).padStart(8, "0")}.safetensors`);
  await makeFolder(folder);
  await writeFileAtomic(file, bytes);
  await prune(folder, state.step, keep);
  return file;
}

/**
 * Newest intact checkpoint of a folder, or undefined when the folder holds none at all.
 * @throws FormatError when there are checkpoints and every one is damaged.
 */
export async function loadCheckpoint(folder: string): Promise<LoadedCheckpoint | undefined> {
  const damaged: string[] = [];
  for (const { file } of await listCheckpoints(folder)) {
    try {
      return { ...(await readCheckpoint(file)), file, damaged };
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      damaged.push(error.message);
    }
  }
  if (damaged.length === 0) return undefined;
  throw new FormatError(folder, "at least one intact checkpoint", `${damaged.length} damaged: ${damaged.join("; ")}`);
}

/**
 * Reads one checkpoint file and verifies its hash.
 * @throws FormatError when it is damaged or no checkpoint.
 */
export async function readCheckpoint(file: string): Promise<Checkpoint> {
  const { metadata, tensors } = parseSafetensors(await readWholeFile(file, MAX_BYTES), file);
  if (metadata.format !== FORMAT) throw new FormatError(file, `a checkpoint (${FORMAT})`, `format ${metadata.format}`);
  const { state: stateJson = "", sha256 } = metadata;
  if (digest(tensors, stateJson) !== sha256) {
    throw new FormatError(file, "a checkpoint whose content matches its hash", "a damaged one");
  }
  return { tensors, state: parseState(stateJson, file) };
}

/** Checkpoints of a folder, newest first; an absent folder has none. */
async function listCheckpoints(folder: string): Promise<{ step: number; file: string }[]> {
  const found: { step: number; file: string }[] = [];
  for (const name of await listFolder(folder)) {
    const match = FILE_NAME.exec(name);
    if (match) found.push({ step: Number(match[1]), file: path.join(folder, name) });
  }
  return found.sort((a, b) => b.step - a.step);
}

async function prune(folder: string, step: number, keep: number): Promise<void> {
  const checkpoints = await listCheckpoints(folder);
  const later = checkpoints.filter((checkpoint) => checkpoint.step > step);
  const old = checkpoints.slice(later.length + keep);
  const leftOver = (await listFolder(folder)).filter((name) => isTemporary(name));
  const files = [...later, ...old].map(({ file }) => file).concat(leftOver.map((name) => path.join(folder, name)));
  for (const file of files) {
    await rm(file, { force: true }).catch((error) => {
      throw fileError(file, "remove", error);
    });
  }
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw fileError(folder, "list", error);
  }
}

/** SHA-256 over the state and every tensor's name, dtype, shape and data, in the order of the names. */
function digest(tensors: ReadonlyMap<string, SafeTensor>, stateJson: string): string {
  const hash = createHash("sha256").update(JSON.stringify([FORMAT, stateJson]));
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name) as SafeTensor;
    hash.update(JSON.stringify([name, dtype, shape])).update(data);
  }
  return hash.digest("hex");
}

/** JSON that reads back as the same value: what JSON would drop or replace in silence is refused. */
function exactJson(state: CheckpointState): string {
  if (!Number.isSafeInteger(state.step) || state.step < 0) {
    throw new ShapeError("saveCheckpoint", "state.step to be a whole number from 0", String(state.step));
  }
  return JSON.stringify(state, (key, value: unknown) => {
    const type = typeof value;
    const exact = value === null || type === "string" || type === "boolean" || Number.isFinite(value);
    if (exact || Array.isArray(value) || (type === "object" && isPlainObject(value))) return value;
    throw new ShapeError("saveCheckpoint", `a JSON value for state key ${JSON.stringify(key)}`, String(value));
  });
}

function isPlainObject(value: unknown): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function parseState(stateJson: string, file: string): CheckpointState {
  let state: unknown;
  try {
    state = JSON.parse(stateJson);
  } catch {
    state = undefined;
  }
  const step = (state as CheckpointState | null | undefined)?.step;
  if (!Number.isSafeInteger(step) || (step as number) < 0) {
    throw new FormatError(file, "a checkpoint state with a step", JSON.stringify(stateJson.slice(0, 60)));
  }
  return state as CheckpointState;
}
