import { open, readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { type Command, Option } from "commander";
import { isTemporary } from "../data/node/atomic.ts";
import { fileError, makeFolder } from "../data/node/files.ts";
import { isPacked, readFolderIndex } from "../data/node/packedFolder.ts";
import { sourceKinds } from "../data/node/prepare/kinds.ts";
import { type FinishedShard, makeShard, type PackPlan, sourceSize, writeIndex } from "../data/node/prepare/pack.ts";
import type { Size } from "../data/node/prepare/resize.ts";
import type { Source } from "../data/node/prepare/source.ts";
import { PACKED_INDEX, type PackedIndex } from "../data/packedIndex.ts";
import { parseSafetensorsHeader, safetensorsHeaderLength } from "../data/safetensors.ts";
import { duration } from "../report/format.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import { checkInterrupted, InterruptedError, type Io } from "./io.ts";
import { LOCK_FILE, lockFolder } from "./lock.ts";
import { type PrepareOptions, planOf, withSource } from "./preparePlan.ts";
import { PrepareProgress } from "./prepareProgress.ts";
import { makeInProcesses, prepareWorker } from "./prepareWorkers.ts";

const SHARD_FILE = /^(train|val|test)-\d{5,8}\.safetensors$/;

/** Adds the flags of `prepare` to a command. */
export function addPrepareOptions(command: Command): Command {
  const kinds = Object.entries(sourceKinds).map(([kind, { about }]) => `  ${kind.padEnd(10)}  ${about}`);
  return command
    .addOption(new Option("--size <WxH>", "resize every image; needed where they differ").argParser(sizeOf))
    .addOption(
      new Option("--classes <n>", "how many pixel classes, where a source has several sets").argParser(
        wholeOf("--classes", 2, 255),
      ),
    )
    .addOption(
      new Option("--depth <which>", "which depth, where a source has several").choices(["filled", "raw", "disparity"]),
    )
    .addOption(
      new Option("--depth-unit <text>", "what one step of depth is, where it is no millimetre").argParser(depthUnitOf),
    )
    .addOption(
      new Option("--jobs <n>", "processes that decode at the same time (default: one a core)").argParser(
        wholeOf("--jobs", 1, 256),
      ),
    )
    .addOption(
      new Option("--shard <MiB>", "size of a file of samples (default: 16)").argParser(wholeOf("--shard", 1, 64)),
    )
    .option("--force", "replace the dataset in <out>")
    .option("--json", "print one JSON object")
    .addOption(new Option("--worker").hideHelp())
    .addHelpText("after", `\nKinds:\n${kinds.join("\n")}`);
}

/** Runs the command, or as a worker of it. */
export async function runPrepare(
  kind: string,
  source: string,
  out: string,
  options: PrepareOptions,
  io: Io,
): Promise<void> {
  if (options.worker) await prepareWorker(kind, source, options);
  else await prepare(kind, source, out, options, io);
}

function sizeOf(text: string): Size {
  const [, width, height] = (/^(\d{1,4})x(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (width > 0 && height > 0) return { width, height };
  throw new UsageError(`--size: expected WIDTHxHEIGHT of 1 to 9999 pixels, got ${text}`);
}

function wholeOf(flag: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new UsageError(`${flag}: expected a whole number from ${low} to ${high}, got ${text}`);
  };
}

/** The value of --depth-unit. @throws UsageError when it is not a short plain text. */
export function depthUnitOf(text: string): string {
  if (/^[\w .-]{1,40}$/.test(text)) return text;
  throw new UsageError(`--depth-unit: expected 1 to 40 letters, digits, points and dashes, got ${text.slice(0, 60)}`);
}

/** Decodes a dataset once into the packed format; what a killed process had finished is kept. */
async function prepare(kind: string, from: string, to: string, options: PrepareOptions, io: Io): Promise<void> {
  const out = path.resolve(to);
  const began = performance.now();
  const result = await withSource([kind, from], options, async (source) => {
    const size = options.size ?? (await sourceSize(source));
    const fingerprint = await source.fingerprint();
    const plan = planOf(source, size, fingerprint, options);
    await checkOut(out, plan, options.force ?? false);
    await makeFolder(out);
    const release = await lockFolder(out, "prepares a dataset in");
    try {
      await clean(out, options.force ?? false);
      const finished = await makeAll(source, plan, { size, fingerprint }, out, options, io);
      return { index: await writeIndex(source, plan, finished, out), finished };
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
      throw new InterruptedError("interrupted; what is finished is kept, the same command goes on");
    } finally {
      await release();
    }
  });
  say(result.index, result.finished, out, (performance.now() - began) / 1000, options, io);
}

async function makeAll(
  source: Source,
  plan: PackPlan,
  told: { size: Size; fingerprint: string },
  out: string,
  options: PrepareOptions,
  io: Io,
) {
  const total = plan.shards.reduce((sum, { begin, end }) => sum + end - begin, 0);
  const jobs = Math.min(options.jobs ?? availableParallelism(), plan.shards.length);
  const progress = new PrepareProgress(io, source.name, total);
  try {
    if (jobs > 1) return await makeInProcesses(plan, told, out, jobs, io, (count) => progress.add(count));
    const finished: FinishedShard[] = [];
    for (const shard of plan.shards) {
      const onSample = (count: number) => {
        checkInterrupted(io.signal);
        progress.add(count);
      };
      finished.push(await makeShard(source, plan, shard, out, onSample));
    }
    return finished;
  } finally {
    progress.end();
  }
}

/** @throws UsageError if the folder holds anything but the beginning, or all, of this very dataset. */
async function checkOut(out: string, { kind }: PackPlan, force: boolean): Promise<void> {
  const names = await readdir(out).catch((error) => {
    if (error.code === "ENOENT") return [] as string[];
    throw fileError(out, "read the folder", error);
  });
  const ours = (name: string) =>
    name === PACKED_INDEX || name === LOCK_FILE || SHARD_FILE.test(name) || isTemporary(name);
  const other = names.find((name) => !ours(name));
  if (other !== undefined) {
    throw new UsageError(`<out>: expected a new folder or one of this dataset, got ${out}, which holds ${other}`);
  }
  // An index of something else is somebody's file.
  const index = (await isPacked(out)) ? await readFolderIndex(out) : null;
  const recipes: (string | null)[] = [];
  for (const name of names.filter((name) => SHARD_FILE.test(name))) {
    const recipe = await recipeOf(path.join(out, name));
    if (recipe === "")
      throw new UsageError(`<out>: expected a new folder or one of datasets, got ${out}, whose ${name} is none`);
    recipes.push(recipe);
  }
  if (force) return;
  if (index) recipes.push(index.recipe);
  if (recipes.every((recipe) => recipe === null || recipe === kind.recipe)) return;
  const what = index ? `the dataset ${out}` : `${out}, which was begun`;
  throw new UsageError(
    `<out>: expected a new folder, got ${what} from another source, with other options or by an earlier version (--force replaces it)`,
  );
}

/** What a shard says it was made by; "" if it is none, null if it is damaged, and will be made again. */
async function recipeOf(file: string): Promise<string | null> {
  const handle = await open(file, "r").catch((error) => {
    throw fileError(file, "read", error);
  });
  try {
    const { size } = await handle.stat();
    const read = async (length: number) => (await handle.read(new Uint8Array(length), 0, length, 0)).buffer;
    const length = safetensorsHeaderLength(await read(8), size, file);
    return parseSafetensorsHeader(await read(8 + length), size, file).metadata.recipe ?? "";
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw fileError(file, "read", error);
  } finally {
    await handle.close();
  }
}

/** Removes what a killed process was writing; with `force` the whole dataset, its index first. */
async function clean(out: string, force: boolean): Promise<void> {
  const names = await readdir(out);
  const left = names.filter(isTemporary);
  const all = force ? [PACKED_INDEX, ...names.filter((name) => SHARD_FILE.test(name))] : [];
  for (const name of [...left, ...all]) {
    const file = path.join(out, name);
    await rm(file, { force: true }).catch((error) => {
      throw fileError(file, "remove it", error);
    });
  }
}

function say(
  index: PackedIndex,
  shards: readonly FinishedShard[],
  out: string,
  seconds: number,
  options: PrepareOptions,
  io: Io,
) {
  const counts = Object.fromEntries(Object.entries(index.splits).map(([split, { count }]) => [split, count]));
  const bytes = shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const made = shards.filter((shard) => shard.made).length;
  const { name, kind, width, height, depthUnit, ir, classes, labels } = index;
  if (options.json) {
    const about = { folder: out, name, kind, width, height, depthUnit, ir, classes, labels, splits: counts };
    const work = { shards: shards.length, made, kept: shards.length - made, bytes, seconds };
    io.out(`${JSON.stringify({ ...about, ...work, statistics: index.statistics })}\n`);
    return;
  }
  const samples = Object.entries(counts).map(([split, count]) => `${count} ${split}`);
  const unit = depthUnit === "mm" ? "" : `, depth in ${depthUnit}`;
  const kept = made < shards.length ? ` (${shards.length - made} were there already)` : "";
  io.out(
    `${out}: ${samples.join(", ")} of ${width}x${height}${unit}, ${shards.length} shards${kept}, ` +
      `${Math.round(bytes / 2 ** 20)} MiB, ${duration(seconds)}\n`,
  );
}
