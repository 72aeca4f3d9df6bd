import { spawn } from "node:child_process";
import { availableParallelism, freemem } from "node:os";
import path from "node:path";
import { HELD_OUT } from "../../data/holdOut.ts";
import { makeFolder } from "../../data/node/files.ts";
import type { Dataset } from "../../data/sample.ts";
import { percent } from "../../report/format.ts";
import { type DatasetFacts, datasetFacts, passedOver } from "../../run/dataset.ts";
import type { Settings } from "../../run/settings.ts";
import { OnestageError, UsageError } from "../../tensor/errors.ts";
import { openPool, openTrainingData } from "../dataset.ts";
import { checkInterrupted, type Io } from "../io.ts";
import { runCell, type Workplace } from "./cell.ts";
import { type CompareConfig, cellSettings, readCompareConfig } from "./config.ts";
import { CompareFolder } from "./folder.ts";
import { groupsOf } from "./groups.ts";
import { takeKnown } from "./known.ts";
import { type Cell, cellsOf, stagesOf } from "./matrix.ts";
import { writeReport } from "./report.ts";
import { mainMetric, Table } from "./table.ts";

/** The flags of `compare`. */
export interface CompareOptions {
  data: string;
  /** What rows with `extra` learn from without labels. */
  unlabelled?: string;
  out: string;
  /** Where networks and checkpoints go; below `out` without it. */
  work?: string;
  /** Folders of other comparisons, whose cells of the same networks are taken over. */
  known?: string[];
  /** Only this cell: its number, counted from 0, or its name. */
  cell?: string;
  /** Only say which cells there are and which are done. */
  list?: boolean;
  /** Only write the report of the cells that are done. */
  report?: boolean;
  workers?: string;
  json?: boolean;
}

// What a process that trains a small network needs, in bytes.
const WORKER_BYTES = 1.5 * 2 ** 30;
// Of an image in memory for each pixel: colour, depth, infrared and class.
const PIXEL_BYTES = 3 + 2 + 2 + 1;

/** A comparison that is being worked on. */
interface Comparison {
  file: string;
  options: CompareOptions;
  config: CompareConfig;
  cells: Cell[];
  folder: CompareFolder;
  io: Io;
}

/** Trains and evaluates every cell of a comparison that is not done yet, and writes its report. */
export async function compare(file: string, options: CompareOptions, io: Io): Promise<void> {
  const config = await readCompareConfig(file);
  const { seeds, rows } = config;
  const settings = cellSettings(config, { ...rows[0]!, settings: {} }, seeds[0]!, options);
  const dataset = await openTrainingData(settings, io);
  const facts = datasetFacts(dataset, settings);
  const passed = passedOver(facts);
  if (passed !== null) io.say(passed);
  const cells = cellsOf(config, options, facts);
  const out = path.resolve(options.out);
  const folder = new CompareFolder(out, path.resolve(options.work ?? path.join(out, "work")));
  const comparison: Comparison = { file, options, config, cells, folder, io };
  if (options.list) return list(comparison);
  const one = options.cell === undefined ? null : chosen(cells, options.cell);
  const place = async (): Promise<Workplace> => {
    const unlabelled = await openUnlabelled(options, config, settings, { dataset, facts }, io);
    return { io, folder, dataset, unlabelled, facts, device: await io.openDevice() };
  };
  await makeFolder(path.join(out, "cells"));
  if (options.known) {
    const taken = await takeKnown(folder, cells, options.known, facts);
    io.say(`${taken} ${taken === 1 ? "cell is" : "cells are"} known from ${options.known.join(", ")}`);
  }
  if (one) {
    const result = await runCell(await place(), one);
    if (options.json) io.out(`${JSON.stringify(result)}\n`);
    else io.out(`${one.name}: ${percent(mainMetric(result) as number)}\n`);
    return;
  }
  const workers = options.report ? 0 : await workersFor(comparison, dataset);
  if (workers > 1) await inProcesses(comparison, workers);
  const here = await place();
  if (workers === 1) await inTurn(comparison, here);
  await writeReport(here, { ...comparison, dataset, facts });
}

/**
 * What is learnt from without labels, if anything; without the images that held-out ones were cut out of, where both
 * go by the same names.
 */
async function openUnlabelled(
  { data, unlabelled }: CompareOptions,
  config: CompareConfig,
  settings: Settings,
  { dataset, facts }: { dataset: Dataset; facts: DatasetFacts },
  io: Io,
): Promise<Dataset | null> {
  if (unlabelled === undefined) return null;
  const held = settings.holdOut === "none" ? null : await groupsOf(config, data, dataset, HELD_OUT);
  return openPool({ ...settings, data: unlabelled }, held ?? [], facts, io);
}

async function list({ cells, folder, options, io }: Comparison): Promise<void> {
  const lines: { cell: number; name: string; done: boolean; stages: string[] }[] = [];
  for (const [cell, one] of cells.entries()) {
    const stages = stagesOf(one.stage).map(({ key }) => key);
    lines.push({ cell, name: one.name, done: (await folder.readCell(one)) !== null, stages });
  }
  if (options.json) io.out(`${JSON.stringify(lines)}\n`);
  else for (const { cell, name, done } of lines) io.out(`${cell}\t${done ? "done" : "open"}\t${name}\n`);
}

/** @throws UsageError if there is no such cell. */
function chosen(cells: readonly Cell[], wanted: string): Cell {
  const found = /^\d+$/.test(wanted) ? cells[Number(wanted)] : cells.find(({ name }) => name === wanted);
  if (found) return found;
  throw new UsageError(`--cell: expected a number from 0 to ${cells.length - 1} or a cell's name, got ${wanted}`);
}

/** One for each core, as memory allows: each has the dataset, too. @throws UsageError if the number of workers is none. */
async function workersFor({ options: { workers } }: Comparison, dataset: Dataset): Promise<number> {
  if (workers !== undefined) {
    if (/^[1-9]\d{0,2}$/.test(workers)) return Number(workers);
    throw new UsageError(`--workers: expected a whole number from 1 to 999, got ${workers}`);
  }
  const images = dataset.splits.reduce((sum, split) => sum + dataset.size(split), 0);
  const each = WORKER_BYTES + images * dataset.width * dataset.height * PIXEL_BYTES;
  return Math.max(1, Math.min(availableParallelism(), Math.floor((process.availableMemory?.() ?? freemem()) / each)));
}

async function inTurn(comparison: Comparison, place: Workplace): Promise<void> {
  const table = await Table.of(comparison);
  for (const cell of table.open()) {
    checkInterrupted(comparison.io.signal);
    table.begin(cell);
    table.end(cell, await runCell(place, cell));
  }
}

/**
 * Runs cells in processes of their own, several at a time. A cell waits as long as a stage that it needs is being trained
 * for another one, if there is anything else to do.
 */
async function inProcesses(comparison: Comparison, workers: number): Promise<void> {
  const { folder, io } = comparison;
  const table = await Table.of(comparison);
  const running = new Map<Cell, Promise<void>>();
  const failed = new AbortController();
  io.signal.addEventListener("abort", () => failed.abort(), { once: true });
  const { signal } = failed;
  const untrained = (cell: Cell) => stagesOf(cell.stage).filter((stage) => !folder.isTrained(stage));
  const free = (cell: Cell) => {
    const busy = new Set([...running.keys()].flatMap((other) => untrained(other).map(({ key }) => key)));
    return untrained(cell).every(({ key }) => !busy.has(key));
  };
  while (table.open().length > 0 || running.size > 0) {
    if (io.signal.aborted) await Promise.allSettled(running.values());
    checkInterrupted(io.signal);
    const cell = running.size < workers ? table.open().find(free) : undefined;
    if (!cell) {
      await Promise.race(running.values()).catch(async (error) => {
        // The others save what they have, and go on next time.
        failed.abort();
        await Promise.allSettled(running.values());
        throw error;
      });
      continue;
    }
    table.begin(cell);
    const work = inProcess(comparison, cell, workers, signal).then(async () => {
      running.delete(cell);
      if (signal.aborted) return;
      const result = await folder.readCell(cell);
      if (result) return table.end(cell, result);
      const changed = "did the configuration, the dataset or the program change meanwhile?";
      throw new OnestageError(`${cell.name}: expected a result with these settings, got none (${changed})`);
    });
    running.set(cell, work);
  }
}

/** @throws OnestageError if the process does not bring the cell about. */
function inProcess({ file, options, io }: Comparison, cell: Cell, workers: number, signal: AbortSignal): Promise<void> {
  const { data, unlabelled, out, work } = options;
  const named = Object.entries({ data, unlabelled, out, work, cell: cell.name });
  const flags = named.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  const threads = Math.floor(availableParallelism() / workers);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, "compare", file, ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
      // What processes share is shared fairly: an adapter on the CPU takes all cores otherwise. With one core each, lavapipe
      // works in its queue's thread (0): to hand every dispatch to a single other thread (1) costs a sixth of the time.
      env: { ...io.env, LP_NUM_THREADS: String(threads > 1 ? threads : 0) },
    });
    let last = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
        last = line;
        if (!line.startsWith("Warning: ")) io.say(line.replace(/^onestage: /, ""));
      }
    });
    const stop = () => child.kill("SIGINT");
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", (error) =>
      reject(new OnestageError(`${cell.name}: expected to start a process: ${error.message}`)),
    );
    child.on("close", (code) => {
      signal.removeEventListener("abort", stop);
      if (code === 0 || signal.aborted) resolve();
      else reject(new OnestageError(`${cell.name}: expected its process to end with 0, got ${code} (${last})`));
    });
  });
}
