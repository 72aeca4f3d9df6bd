import path from "node:path";
import { evaluate } from "../model/evaluate.ts";
import { methods, type Seen } from "../model/methods.ts";
import type { Metrics } from "../model/metrics.ts";
import type { Task } from "../model/task.ts";
import { metricWords, number, percent } from "../report/format.ts";
import { useChoices } from "../tensor/choices.ts";
import { UsageError } from "../tensor/errors.ts";
import { checkSameKind, openDataset, splitBatches } from "./dataset.ts";
import { checkFinished, chooseNetwork, loadDeployed, openRun } from "./deployed.ts";
import type { Io } from "./io.ts";

/** The flags of `eval`. */
export interface EvalOptions {
  run: string;
  data?: string;
  split?: string;
  modality?: string;
  network?: string;
  json?: boolean;
}

const SEEN: readonly Seen[] = ["rgb", "depth", "both"];

/** Evaluates one network of a run on a split of a dataset. */
export async function evalRun(options: EvalOptions, io: Io): Promise<void> {
  const run = await openRun(options.run);
  const { settings, dataset: facts } = run.config;
  const name = chooseNetwork(run, modality(options), options.network);
  await checkFinished(run);
  const data = options.data === undefined ? settings.data : path.resolve(options.data);
  const dataset = await openDataset({ ...settings, data }, io);
  checkSameKind(dataset, facts, settings.task);
  const split = options.split ?? facts.evaluation;
  if (!dataset.splits.includes(split)) {
    throw new UsageError(`--split: expected one of ${dataset.splits.join(", ")}, got ${split}`);
  }
  const device = await io.openDevice();
  useChoices(device, run.config.kernels);
  const method = await loadDeployed(run, name, device);
  const batches = splitBatches(dataset, split, settings, facts, io.signal);
  const { metrics, averaged } = await evaluate(device, method, batches, facts.classes.length);
  method.network.dispose();
  const { title, seen } = methods[name];
  if (options.json) {
    const about = { run: run.folder, network: name, modality: seen, split, classes: facts.classes };
    io.out(`${JSON.stringify({ ...about, ...metrics, averaged })}\n`);
    return;
  }
  const lines = [
    `${title} (${name}) on ${split} of ${dataset.name}, ${metrics.samples} images:`,
    summary(metrics, settings.task),
  ];
  if (averaged) lines.push(`mean of both heads: ${summary(averaged, settings.task)}`);
  for (const [i, share] of metrics.perClass.entries()) lines.push(`  ${facts.classes[i]}: ${percent(share)}`);
  io.out(`${lines.join("\n")}\n`);
}

/** What the network is shown; colour unless something else is said. */
function modality({ modality: wanted, network }: EvalOptions): Seen | undefined {
  if (wanted === undefined) return network === undefined ? "rgb" : undefined;
  const known = SEEN.find((seen) => seen === wanted);
  if (known) return known;
  throw new UsageError(`--modality: expected one of ${SEEN.join(", ")}, got ${wanted}`);
}

function summary({ top1, meanClass, nll }: Metrics, task: Task): string {
  const words = metricWords(task);
  return `${words.top1} ${percent(top1)}, ${words.meanClass} ${percent(meanClass)}, NLL ${number(nll)}`;
}
