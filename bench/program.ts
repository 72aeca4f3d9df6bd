import { readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { checkInterrupted, InterruptedError, type Io } from "../src/cli/io.ts";
import { OnestageError, UsageError } from "../src/tensor/errors.ts";
import { VERSION } from "../src/tensor/version.ts";
import { chosenCases } from "./all.ts";
import type { Case } from "./cases.ts";
import { type Comparison, compare } from "./compare.ts";
import { nodeSurroundings } from "./facts.node.ts";
import { factsOf } from "./facts.ts";
import { renderBench } from "./html.ts";
import { chosenEngines, measurePeers, peerCases } from "./peers.ts";
import { freshResult, parseResult, type Result } from "./result.ts";
import { ceilingsOf, measureCases, withinReach } from "./run.ts";
import { measureScaling, scalingAxes } from "./scaling.ts";
import {
  ceilingsText,
  comparisonText,
  factsText,
  gainNotes,
  peersText,
  rowCells,
  rowHeader,
  scalingText,
  stepNotes,
  table,
} from "./text.ts";
import { type Effort, Timer } from "./timing.ts";
import { measureWeb, webText } from "./web.ts";

const WORSE = 1;
const BUG = 1;
const USAGE = 2;
const INTERRUPTED = 130;

interface Options {
  filter: string;
  short?: boolean;
  list?: boolean;
  rounds: number;
  budget: number;
  json?: string;
  html?: string;
  compare?: string;
  fail?: boolean;
  peers?: string | true;
  scaling?: boolean;
  web?: boolean;
}

/**
 * Runs one command line of the bench.
 * @returns the exit code: 0, 1 when --fail is given and a case has become slower, 2 with one line on stderr for anything
 * that the user can change, 130 when interrupted
 */
export async function runBench(io: Io): Promise<number> {
  const command = program(io);
  try {
    command.parse([...io.argv], { from: "user" });
    return await bench(command.opts<Options>(), io);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const foreseen = error instanceof CommanderError || error instanceof OnestageError;
    io.say(`${foreseen ? "" : "internal error: "}${message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ")}`);
    if (!foreseen && io.env.ONESTAGE_TRACE) io.stderr.write(`${stack}\n`);
    return error instanceof InterruptedError ? INTERRUPTED : foreseen ? USAGE : BUG;
  }
}

function program(io: Io): Command {
  const command = new Command("bench")
    .description(
      "Measures kernels and whole steps against what this adapter can do: ceilings first, then kernels, then steps.",
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: () => {} })
    .option("--filter <text>", "only cases whose name has all of these words, such as “conv2d dw” or “train tiny”", "")
    .option("--short", "only a few cases, one of each kind")
    .option("--list", "name the cases and measure nothing")
    .option("--rounds <number>", "samples of each case at most", integer(1, 1000), 9)
    .option(
      "--budget <seconds>",
      "time for each case, about; three samples are taken however long they are",
      seconds,
      2,
    )
    .option("--json <file>", "write everything that was measured")
    .option("--html <file>", "write a page with a roofline plot that loads nothing")
    .option("--compare <file>", "mark what has changed, beyond the noise, since a run that wrote this with --json")
    .option("--fail", "with --compare: exit with 1 when a case has become slower")
    .option(
      "--peers [engines]",
      "measure other engines (all, or those named) beside ours instead, same adapter, same process, interleaved",
    )
    .option("--scaling", "measure instead what a training step costs as batch, width and image size grow")
    .option("--web", "measure instead pages of other engines beside ours in a Chromium: size, first prediction, step")
    .addHelpText(
      "after",
      [
        "\nExamples:",
        "  $ npm run bench -- --filter conv2d --json before.json",
        "  $ npm run bench -- --filter conv2d --compare before.json --fail",
        "  $ npm run bench -- --peers jax-js,onnxruntime --filter matmul",
        "\n--adapter gpu|lavapipe|swiftshader pins the adapter.",
      ].join("\n"),
    );
  return command;
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
  };
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= 3600) return value;
  throw new InvalidArgumentError("expected seconds above 0 and up to 3600.");
}

/** The cases that a filter leaves, or none where something else is measured. @throws UsageError if it leaves nothing. */
function choose({ filter, short, peers, scaling }: Options): { cases: Case[]; names: string[] } {
  const own = peers || scaling ? [] : chosenCases(filter, short);
  const names = peers
    ? peerCases(filter).map(({ name }) => name as string)
    : scaling
      ? scalingAxes(filter)
      : own.map(({ group, name }) => `${group} ${name}`);
  if (names.length > 0) return { cases: own, names };
  throw new UsageError(`--filter: expected words of a case (--list names them), got ${filter}`);
}

async function bench(options: Options, io: Io): Promise<number> {
  if (options.fail && !options.compare) throw new UsageError("--fail: expected --compare with it, got none");
  if (options.peers && options.scaling) throw new UsageError("--peers and --scaling: expected one of them, got both");
  if (options.short && (options.peers || options.scaling)) {
    throw new UsageError(`--short: expected neither --peers nor --scaling with it, got one`);
  }
  if (options.web) return benchWeb(options, io);
  const before = options.compare === undefined ? null : parseResult(read(options.compare), options.compare);
  if (options.peers) chosenEngines(options.peers);
  const { cases, names } = choose(options);
  if (options.list) {
    io.out(`${names.join("\n")}\n`);
    return 0;
  }
  // What cannot be written should be known before minutes are spent.
  for (const file of [options.json, options.html]) if (file !== undefined) write(file, "", "a");
  const { result, interrupted } = await measure(cases, options, io);
  const comparison = before && compare(before, result);
  if (comparison) io.out(comparisonText(comparison));
  if (options.json !== undefined) write(options.json, `${JSON.stringify(result, null, 1)}\n`);
  if (options.html !== undefined) write(options.html, renderBench(result, comparison));
  if (interrupted) throw new InterruptedError("interrupted; what was measured before is written");
  return options.fail && isWorse(comparison) ? WORSE : 0;
}

/** Measures pages in a browser, which has a device of its own. */
async function benchWeb({ rounds, json, ...others }: Options, io: Io): Promise<number> {
  for (const name of ["filter", "short", "list", "html", "compare", "peers", "scaling"] as const) {
    if (others[name]) throw new UsageError(`--web: expected --rounds and --json with it at most, got --${name}`);
  }
  if (json !== undefined) write(json, "", "a");
  const result = await measureWeb(
    rounds,
    (line) => io.say(line),
    () => checkInterrupted(io.signal),
  );
  io.out(webText(result));
  if (json !== undefined) write(json, `${JSON.stringify(result, null, 1)}\n`);
  return 0;
}

function isWorse(comparison: Comparison | null): boolean {
  return comparison?.changes.some(({ verdict }) => verdict === "slower") ?? false;
}

async function measure(cases: Case[], options: Options, io: Io): Promise<{ result: Result; interrupted: boolean }> {
  const { filter, rounds, budget } = options;
  const device = await io.openDevice();
  const facts = factsOf(device, nodeSurroundings(io.env));
  const result = freshResult(facts, { filter: filter || null, rounds, budget });
  const check = () => checkInterrupted(io.signal);
  const effort: Effort = { rounds, budget: 1000 * budget, check };
  const timer = new Timer(device);
  const say = (line: string) => io.say(line);
  try {
    io.out(factsText(result.facts));
    if (options.peers) {
      result.peers = await measurePeers(filter, chosenEngines(options.peers), effort, say);
      io.out(peersText(result.peers));
    } else {
      result.ceilings = await ceilingsOf(device);
      io.out(ceilingsText(result.ceilings));
      if (options.scaling) {
        result.scaling = await measureScaling(device, timer, effort, result.ceilings, scalingAxes(filter), say);
        io.out(result.scaling.map(scalingText).join("\n"));
      } else {
        await measureAll(device, timer, cases, effort, result, io);
      }
    }
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    result.interrupted = true;
  } finally {
    result.facts.load.after = loadavg();
    timer.dispose();
    device.close();
  }
  return { result, interrupted: result.interrupted };
}

async function measureAll(
  device: Parameters<typeof measureCases>[0],
  timer: Timer,
  cases: Case[],
  effort: Effort,
  result: Result,
  io: Io,
): Promise<void> {
  const { chosen, skipped } = withinReach(cases, result.ceilings!);
  result.skipped.push(...skipped);
  // Widths are fixed beforehand, so that each line can be printed as soon as it is known.
  const width = Math.max(
    ...chosen.map(({ group, name }) => (group === "kernel" ? name : `${group} ${name}`).length),
    4,
  );
  const pad = (cells: readonly string[]) => [
    cells[0]!.padEnd(width),
    ...cells.slice(1).map((cell) => cell.padStart(11)),
  ];
  io.out(table([pad(rowHeader)]));
  try {
    await measureCases(device, timer, chosen, effort, (row) => {
      result.rows.push(row);
      io.out(table([pad(rowCells(row, result.ceilings))]));
    });
  } finally {
    const notes = [...gainNotes(result.rows), ...stepNotes(result.rows)];
    const left = skipped.map(({ name, reason }) => `left out: ${name} (${reason})`);
    io.out([...notes, ...left, ""].join("\n"));
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--compare: expected a file to read, got: ${(error as Error).message}`);
  }
}

function write(file: string, text: string, flag: "a" | "w" = "w"): void {
  try {
    writeFileSync(file, text, { flag });
  } catch (error) {
    throw new UsageError(`${file}: expected a file to write, got: ${(error as Error).message}`);
  }
}
