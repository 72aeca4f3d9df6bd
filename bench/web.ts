import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "../src/tensor/errors.ts";
import { installPeers } from "./peers.ts";
import { type Summary, summarise } from "./statistics.ts";
import { table, time } from "./text.ts";

/** The name and version of the JSON that `--web --json` writes. */
export const WEB_FORMAT = "onestage-bench-web/1";

// Largest difference of probabilities, and relative one of losses, from ours that counts as the same.
const TOLERANCE = 1e-3;
// Work timed in a page once it is warm: so many runs at most, and no more after so many ms.
const EFFORT = { count: 20, budget: 5000 };
const LEAST_ROUNDS = 3;
// A page that has taken so long (ms) is opened no more after the least rounds.
const PAGE_BUDGET = 120_000;

/** Bytes of a file as it is and as gzip -9 makes it. */
export interface Size {
  bytes: number;
  gzip: number;
}

/** What was measured of one page of an engine; times in ms, medians over pages opened in fresh browsers. */
export interface WebPage {
  script: Size;
  /** Why there are no times. */
  failed?: string;
  /** From the navigation until the first result is on the host. */
  first?: Summary;
  /** One more result: the median of each opened page, summed up. */
  warm?: Summary;
  /** Largest difference of its results from ours: of probabilities, or relative ones of losses. */
  difference?: number;
  /** Whether that is within the bound; times of wrong results take part in no ratio. */
  right?: boolean;
}

/** One engine in the browser. */
export interface WebEngine {
  engine: string;
  version: string;
  /** What a page fetches beside its script. */
  beside: Record<string, Size>;
  infer: WebPage;
  /** Null where the engine does not train. */
  train: WebPage | null;
}

/** Everything that `--web` found. */
export interface WebResult {
  format: typeof WEB_FORMAT;
  date: string;
  machine: { processor: string; cores: number };
  load: { before: number[]; after: number[] };
  browser: string;
  adapter: { vendor: string; architecture: string; description: string };
  rounds: number;
  engines: WebEngine[];
}

/** What a page says when it is opened once. */
interface Sample {
  first: number;
  outputs: number[];
  times: number[];
  adapter: WebResult["adapter"];
  browser: string;
}

/** The module peers/web/server.mjs. */
interface Server {
  openPages(): Promise<{
    engines: {
      name: string;
      version: string;
      pages: string[];
      scripts: Record<string, Size>;
      beside: Record<string, Size>;
    }[];
    sample(page: string, effort: typeof EFFORT): Promise<Sample>;
    close(): void;
  }>;
}

/** One page's way through the rounds. */
interface Running {
  kind: "infer" | "train";
  name: string;
  page: WebPage;
  samples: Sample[];
  spent: number;
}

/**
 * Measures pages of other engines beside ours in one Chromium: a classifier of 64×64 colours with the same weights, batch 1
 * to predict and 16 to train. Engines take turns; every page is opened in a browser of its own.
 * @throws UsageError where there is no Chromium, or WebGPU is missing in it
 */
export async function measureWeb(
  rounds: number,
  say: (line: string) => void,
  check: () => void = () => {},
): Promise<WebResult> {
  const folder = installPeers(say);
  const { openPages } = (await import(pathToFileURL(join(folder, "web/server.mjs")).href)) as Server;
  const before = loadavg();
  const pages = await openPages().catch((error: Error) => {
    throw new UsageError(`--web: ${error.message}`);
  });
  const running: Running[] = [];
  const engines = pages.engines.map(({ name: engine, version, pages: names, scripts, beside }): WebEngine => {
    const [infer, train] = names.map((name, i): WebPage => {
      const page = { script: scripts[name]! };
      running.push({ kind: i === 0 ? "infer" : "train", name, page, samples: [], spent: 0 });
      return page;
    });
    return { engine, version, beside, infer: infer!, train: train ?? null };
  });
  try {
    for (let round = 0; round < rounds; round++) {
      for (const one of running) {
        check();
        if (one.page.failed || (round >= LEAST_ROUNDS && one.spent > PAGE_BUDGET)) continue;
        const began = performance.now();
        try {
          const sample = await pages.sample(one.name, EFFORT);
          one.samples.push(sample);
          say(`${one.name}: first ${time(sample.first)}, then ${time(summarise(sample.times).median)}`);
        } catch (error) {
          one.page.failed = (error as Error).message.split("\n")[0]!.slice(0, 300);
          say(`${one.name} failed: ${one.page.failed}`);
        }
        one.spent += performance.now() - began;
      }
    }
  } finally {
    pages.close();
  }
  for (const one of running) conclude(one, running.find(({ kind }) => kind === one.kind)!);
  const seen = running.find(({ samples }) => samples.length > 0)?.samples[0];
  if (!seen) throw new UsageError(`--web: expected a page that runs, got none: ${running[0]!.page.failed}`);
  const all = cpus();
  return {
    format: WEB_FORMAT,
    date: new Date().toISOString(),
    machine: { processor: all[0]?.model.trim() ?? "unknown", cores: all.length },
    load: { before, after: loadavg() },
    browser: seen.browser,
    adapter: seen.adapter,
    rounds,
    engines,
  };
}

/** Sums up a page's samples, and holds all its results against ours. */
function conclude({ page, kind, samples }: Running, ours: Running): void {
  const [expected] = ours.samples;
  if (page.failed || !expected) return;
  page.first = summarise(samples.map(({ first }) => first));
  page.warm = summarise(samples.map(({ times }) => summarise(times).median));
  const differences = samples.flatMap(({ outputs }) =>
    outputs.map((value, i) => Math.abs(value - expected.outputs[i]!) / (kind === "train" ? expected.outputs[i]! : 1)),
  );
  page.difference = Math.max(...differences);
  page.right =
    page.difference <= TOLERANCE && samples.every(({ outputs }) => outputs.length === expected.outputs.length);
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(bytes < 100_000 ? 1 : 0)} kB`;

/** The table of engines, and how many times ours each takes. */
export function webText({ engines, browser, adapter, machine, load }: WebResult): string {
  const [ours] = engines;
  const sum = (sizes: Size[]) => kilobytes(sizes.reduce((total, { gzip }) => total + gzip, 0));
  const cell = (page: WebPage | null, which: "first" | "warm", own: WebPage | null) => {
    if (!page) return "none";
    const summary = page[which];
    if (!summary) return "failed";
    if (!page.right) return "WRONG";
    const reference = own?.[which];
    const ratio = reference && page !== own ? ` (${(summary.median / reference.median).toFixed(2)}x)` : "";
    return `${time(summary.median)} ±${Math.round(100 * summary.spread)} %${ratio}`;
  };
  const files = (beside: Record<string, Size>, wasm: boolean) => {
    const sizes = Object.entries(beside).flatMap(([name, size]) => (name.endsWith(".wasm") === wasm ? [size] : []));
    return sizes.length > 0 ? sum(sizes) : "none";
  };
  const rows = engines.map(({ engine, version, beside, infer, train }) => [
    `${engine} ${version}`,
    sum([infer.script]),
    train ? sum([train.script]) : "none",
    files(beside, true),
    files(beside, false),
    cell(infer, "first", ours!.infer),
    cell(infer, "warm", ours!.infer),
    cell(train, "warm", ours!.train),
  ]);
  const header = ["engine", "predicts", "trains", "wasm", "weights", "first prediction", "prediction", "training step"];
  const failures = engines.flatMap(({ engine, infer, train }) =>
    [infer, train].flatMap((page) => (page?.failed ? [`${engine} failed: ${page.failed}`] : [])),
  );
  return [
    `Chromium ${browser}, ${adapter.vendor} ${adapter.architecture} ${adapter.description}`.trimEnd(),
    `${machine.processor}, ${machine.cores} cores, load ${load.before.map((value) => value.toFixed(1)).join(" ")}`,
    "sizes: minified scripts, wasm and weights, each as gzip -9; in brackets: times ours",
    "",
    `${table([header, ...rows])}${failures.join("\n")}`,
  ].join("\n");
}
