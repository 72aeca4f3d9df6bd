import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { GpuDevice } from "../src/tensor/device.ts";
import { UsageError } from "../src/tensor/errors.ts";
import { openGpu } from "../src/tensor/gpu.node.ts";
import { matches } from "./cases.ts";
import { installNavigator, instrument, type Usage } from "./instrument.ts";
import { openOurs, type Peer, type PeerCase, type PeerWork } from "./ours.ts";
import { cases, dataOf } from "./peers/cases.mjs";
import { differenceOf, errorOf, reference } from "./peers/reference.mjs";
import type { PeerCaseResult, PeerRow } from "./result.ts";
import { summarise } from "./statistics.ts";
import { time } from "./text.ts";
import type { Effort } from "./timing.ts";

// Largest error of a single op that counts as right, relative to the root mean square of the output; f32 sums of some
// ten thousand terms, in whatever order, stay below it.
const TOLERANCE = 1e-4;
// A step's loss goes through forty layers; the third one has felt two updates.
const LOSS_TOLERANCE = 1e-3;
const STEPS = 3;
const LEAST_ROUNDS = 3;

/** The engines beside ours: the module that opens each, and the package whose version it goes by. */
const engines: [name: string, module: string, packageName: string][] = [
  ["tfjs-webgpu", "tfjs.mjs", "@tensorflow/tfjs-backend-webgpu"],
  ["jax-js", "jaxjs.mjs", "@jax-js/jax"],
  ["onnxruntime", "ort.mjs", "onnxruntime-node"],
];

/** An engine with what it asked of its device. */
interface Entrant {
  name: string;
  version: string | null;
  peer: Peer;
  usage: Usage | null;
}

/** One engine's way through one case. */
interface Running extends Entrant {
  row: PeerRow;
  work: PeerWork;
  estimate: number;
  times: number[];
}

/** Whether a filter leaves any case of the peers. */
export function peerCases(filter: string): PeerCase[] {
  return cases.filter(({ name }: PeerCase) => matches({ name, group: "kernel" }, filter));
}

/**
 * Installs the peers where they are missing, in a folder of their own.
 * @returns that folder
 * @throws UsageError where there is none (in a packed bench) or npm fails
 */
export function installPeers(say: (line: string) => void): string {
  const folder = fileURLToPath(new URL("../bench/peers/", import.meta.url));
  if (!existsSync(join(folder, "package-lock.json")))
    throw new UsageError("--peers: expected the folder bench/peers of the project beside this program, got none");
  const packages = (file: string) =>
    existsSync(file)
      ? (JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, { version: string }> }).packages
      : {};
  const installed = packages(join(folder, "node_modules/.package-lock.json"));
  const locked = Object.entries(packages(join(folder, "package-lock.json"))).filter(([path]) => path !== "");
  if (locked.every(([path, { version }]) => installed[path]?.version === version)) return folder;
  say("installing the peers into bench/peers (npm ci --ignore-scripts); this happens once");
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  // stdout belongs to the tables.
  const npm = spawnSync("npm", options, { cwd: folder, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
  if (npm.error || npm.status !== 0) {
    throw new UsageError(
      `--peers: expected npm ci to install bench/peers, got ${npm.error?.message ?? "an error (above)"}`,
    );
  }
  return folder;
}

/** The engines to measure: those named, separated by commas, or all. @throws UsageError for a name that is none */
export function chosenEngines(names: string | true): string[] {
  const known = engines.map(([name]) => name);
  if (names === true) return known;
  for (const name of names.split(",")) {
    if (!known.includes(name)) throw new UsageError(`--peers: expected some of ${known.join(",")}, got ${name}`);
  }
  return names.split(",");
}

async function openAll(folder: string, chosen: readonly string[], say: (line: string) => void): Promise<Entrant[]> {
  const device = await GpuDevice.open();
  const usage = instrument(device.gpu);
  const entrants: Entrant[] = [{ name: "ours", version: null, peer: openOurs(device), usage }];
  const { globals } = (await import("webgpu")) as unknown as { globals: object };
  const { lastDevice, usageOf } = installNavigator(await openGpu(), globals);
  for (const [name, module, packageName] of engines.filter(([name]) => chosen.includes(name))) {
    try {
      const { open } = (await import(pathToFileURL(join(folder, module)).href)) as {
        open(tools: { lastDevice(): GPUDevice | null }): Promise<Peer>;
      };
      const peer = await open({ lastDevice });
      const manifest = readFileSync(join(folder, "node_modules", packageName, "package.json"), "utf8");
      const { version } = JSON.parse(manifest) as { version: string };
      entrants.push({ name, version, peer, usage: peer.device && usageOf(peer.device) });
    } catch (error) {
      say(`${name} does not run here: ${firstLine(error)}`);
    }
  }
  return entrants;
}

/** Runs engines on the peers' cases, interleaved, after checking that each computes the same as ours does. */
export async function measurePeers(
  filter: string,
  chosen: readonly string[],
  effort: Effort,
  say: (line: string) => void,
): Promise<PeerCaseResult[]> {
  const entrants = await openAll(installPeers(say), chosen, say);
  const results: PeerCaseResult[] = [];
  for (const c of peerCases(filter)) results.push(await measureCase(c, entrants, effort, say));
  return results;
}

async function measureCase(
  c: PeerCase,
  entrants: readonly Entrant[],
  effort: Effort,
  say: (line: string) => void,
): Promise<PeerCaseResult> {
  const data = dataOf(c);
  const expected = reference(c, data);
  const rows: PeerRow[] = [];
  const running: Running[] = [];
  let ours: Record<string, ArrayLike<number>> | null = null;
  for (const entrant of entrants) {
    effort.check?.();
    const row: PeerRow = { engine: entrant.name, version: entrant.version };
    rows.push(row);
    let work: PeerWork | null = null;
    const began = performance.now();
    try {
      entrant.peer.trim?.();
      if (entrant.usage) entrant.usage.peakBytes = entrant.usage.liveBytes;
      work = await entrant.peer.prepare(c, data);
      if (!work) {
        row.skipped = "cannot";
        continue;
      }
      const outputs = await check(c, work, expected, row, began);
      ours ??= outputs;
      row.difference = differenceOf(ours, outputs);
      row.right = row.error! <= bound(c) && row.difference <= 2 * bound(c);
      const estimate = await counted(c, work, entrant, row);
      running.push({ ...entrant, row, work, times: [], estimate });
      const accuracy = `error ${row.error!.toExponential(1)}${row.right ? "" : ", WRONG"}`;
      say(`${c.name}, ${entrant.name}: first ${time(row.first!)}, then about ${time(estimate)}, ${accuracy}`);
    } catch (error) {
      row.skipped = `failed: ${firstLine(error)}`;
      await work?.dispose();
    }
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const { work, times, estimate } of running) {
      if (round >= LEAST_ROUNDS && round * estimate > effort.budget) continue;
      effort.check?.();
      times.push(await timed(work));
    }
  }
  for (const { row, work, times, usage, peer } of running) {
    row.time = summarise(times);
    row.memory = usage && { live: usage.liveBytes, peak: usage.peakBytes };
    if (peer.method) row.method = peer.method;
    await work.dispose();
  }
  return { name: c.name, flops: c.flops, engines: rows, ...rating(rows) };
}

const bound = (c: PeerCase) => (c.kind === "train" ? LOSS_TOLERANCE : TOLERANCE);

/**
 * The first runs: three losses of a training, the outputs of anything else, held against what is expected; and the time
 * from `began` until the first is done, which includes uploading and compiling.
 */
async function check(
  c: PeerCase,
  work: PeerWork,
  expected: object | null,
  row: PeerRow,
  began: number,
): Promise<Record<string, ArrayLike<number>>> {
  const losses: number[] = [];
  let outputs: Record<string, ArrayLike<number>> = {};
  for (let step = 0; step < (c.kind === "train" ? STEPS : 1); step++) {
    const handles = work.start();
    await work.wait(handles);
    row.first ??= performance.now() - began;
    outputs = await work.fetch(handles);
    work.free(handles);
    if (c.kind === "train") losses.push(outputs.loss![0]!);
  }
  if (c.kind === "train") outputs = { losses };
  row.error = expected
    ? errorOf(expected, outputs)
    : Math.max(...losses.map((loss, i) => Math.abs(loss / c.losses[i] - 1)));
  return outputs;
}

/** One warm run, counted: what it asks of the device, and about how long it takes (ms). */
async function counted(c: PeerCase, work: PeerWork, { usage }: Entrant, row: PeerRow): Promise<number> {
  // A training has had its warm-up while it was checked.
  if (c.kind !== "train") await timed(work);
  const before = usage && { ...usage };
  const estimate = await timed(work);
  if (usage && before) {
    for (const key of ["dispatches", "submits", "bindGroups", "buffers"] as const) row[key] = usage[key] - before[key];
  }
  return estimate;
}

async function timed(work: PeerWork): Promise<number> {
  if (work.time) return work.time();
  const began = performance.now();
  const handles = work.start();
  await work.wait(handles);
  const took = performance.now() - began;
  work.free(handles);
  return took;
}

/** The fastest peer that computes right, against us. */
export function rating(rows: readonly PeerRow[]): { ratio: number | null; fastest: string | null } {
  const right = rows.filter((row) => row.right && row.time);
  const ours = right.find(({ engine }) => engine === "ours");
  const others = right.filter(({ engine }) => engine !== "ours").sort((a, b) => a.time!.median - b.time!.median);
  const [best] = others;
  if (!ours || !best) return { ratio: null, fastest: null };
  return { ratio: best.time!.median / ours.time!.median, fastest: best.engine };
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error)
    .split("\n")[0]!
    .slice(0, 160);
}
