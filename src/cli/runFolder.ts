import { mkdir, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { fileError, makeFolder } from "../data/node/files.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import { CONFIG_FILE } from "./config.ts";
import { LOCK_FILE, lockFolder } from "./lock.ts";

/** Where runs go when no folder is named, relative to the working directory. */
export const RUNS = "runs";

/** The files of a run beside config.json; `networks` and `checkpoints` are folders. */
export const runFiles = {
  model: "model.safetensors",
  metrics: "metrics.jsonl",
  results: "results.json",
  report: "report.html",
  networks: "networks",
  checkpoints: "checkpoints",
} as const;

/** A run folder that this process may write into until it gives it back. */
export interface OpenRun {
  folder: string;
  release(): Promise<void>;
}

/**
 * Makes a folder for a new run: `out`, or a free name below runs/ that begins with `name`.
 * @throws UsageError if `out` holds something already; with `force` only if that is no run.
 */
export async function createRun(out: string | undefined, name: string, force: boolean): Promise<OpenRun> {
  const folder = out === undefined ? await freeFolder(name) : await namedFolder(path.resolve(out), force);
  const release = await lockFolder(folder);
  if (force) {
    // The config goes last: until then the folder is a run that may be replaced.
    for (const file of [...Object.values(runFiles), CONFIG_FILE]) {
      await rm(path.join(folder, file), { recursive: true, force: true });
    }
  }
  return { folder, release };
}

/** Checks early what createRun will check again. @throws UsageError as createRun does. */
export async function checkOut(out: string | undefined, force: boolean): Promise<void> {
  if (out === undefined) return;
  const folder = path.resolve(out);
  const found = await stat(folder).catch(() => null);
  if (!found) return;
  if (!found.isDirectory()) throw new UsageError(`--out: expected a folder, got the file ${folder}`);
  const names = (await readdir(folder)).filter((entry) => entry !== LOCK_FILE);
  if (names.length === 0) return;
  if (!names.includes(CONFIG_FILE)) {
    throw new UsageError(`--out: expected a new or empty folder, got ${folder}, which holds other files`);
  }
  if (!force) {
    throw new UsageError(
      `--out: expected a new folder, got the run ${folder} (--resume continues it, --force replaces it)`,
    );
  }
}

/**
 * Opens an existing run for this process: `out`, or the newest one below runs/.
 * @throws FormatError if there is none.
 */
export async function findRun(out: string | undefined): Promise<string> {
  if (out !== undefined) return existingRun(path.resolve(out));
  const root = path.resolve(RUNS);
  const names = await readdir(root).catch(() => [] as string[]);
  let newest: { folder: string; time: number } | null = null;
  for (const name of names) {
    const folder = path.join(root, name);
    const time = (await stat(path.join(folder, CONFIG_FILE)).catch(() => null))?.mtimeMs;
    if (time !== undefined && (!newest || time > newest.time)) newest = { folder, time };
  }
  if (!newest) throw new FormatError(root, "a run to resume", "none");
  return newest.folder;
}

/** The folder of a run that exists. @throws FormatError if there is none. */
export async function existingRun(folder: string): Promise<string> {
  if (await stat(path.join(folder, CONFIG_FILE)).catch(() => null)) return folder;
  const what = (await stat(folder).catch(() => null)) ? `a folder without ${CONFIG_FILE}` : "nothing there";
  throw new FormatError(folder, "the folder of a run", what);
}

async function freeFolder(name: string): Promise<string> {
  const root = path.resolve(RUNS);
  await makeFolder(root);
  for (let number = 1; ; number++) {
    const folder = path.join(root, number === 1 ? name : `${name}-${number}`);
    if (await makeNewFolder(folder)) return folder;
  }
}

async function namedFolder(folder: string, force: boolean): Promise<string> {
  await checkOut(folder, force);
  await makeFolder(folder);
  return folder;
}

/** Makes a folder; false if something of that name exists. */
async function makeNewFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(folder, "create the folder", error);
  }
}
