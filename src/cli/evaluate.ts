import path from "node:path";
import { evaluate } from "../model/evaluate.ts";
import { methods, type Seen } from "../model/methods.ts";
import type { ClassificationMetrics, Metrics, SegmentationMetrics } from "../model/metrics.ts";
import { liveClassOf, type SpoofingRates } from "../model/spoofing.ts";
import type { Task } from "../model/task.ts";
import { metricWords, number, percent } from "../report/format.ts";
import { hasLabels, splitBatches } from "../run/dataset.ts";
import { useChoices } from "../tensor/choices.ts";
import { UsageError } from "../tensor/errors.ts";
import { checkSameKind, openTrainingData } from "./dataset.ts";
import { checkFinished, chooseNetwork, loadDeployed, openRun } from "./deployed.ts";
import { type Io, interruptibly } from "./io.ts";

/** The flags of `eval`. */
export interface EvalOptions {
  run: string;
  data?: string;
  split?: string;
  modality?: string;
  network?: string;
  live?: string;
  json?: boolean;
}

const SEEN: readonly Seen[] = ["rgb", "depth", "ir", "both", "all"];

/** Evaluates one network of a run on a split of a dataset. */
export async function evalRun(options: EvalOptions, io: Io): Promise<void> {
  const run = await openRun(options.run);
  const { settings, dataset: facts } = run.config;
  const name = chooseNetwork(run, modality(options), options.network, "--modality");
  await checkFinished(run);
  const data = options.data === undefined ? settings.data : path.resolve(options.data);
  const dataset = await openTrainingData({ ...settings, data }, io);
  checkSameKind(dataset, facts, settings.task);
  const split = options.split ?? facts.evaluation;
  if (!dataset.splits.includes(split)) {
    throw new UsageError(`--split: expected one of ${dataset.splits.join(", ")}, got ${split}`);
  }
  if (!hasLabels(dataset, split, settings.task)) {
    throw new UsageError(`--split: expected a split with labels, got ${split} of ${dataset.name}, which has none`);
  }
  const live = liveClass(options.live, facts.classes, settings.task);
  const device = await io.openDevice();
  useChoices(device, run.config.kernels);
  const method = await loadDeployed(run, name, device);
  const batches = interruptibly(splitBatches(dataset, split, settings, facts, methods[name].seen), io.signal);
  const found = await evaluate(device, method, batches, facts.classes.length, live);
  const { metrics, averaged, perImage, averagedPerImage } = found;
  method.network.dispose();
  const { title, seen } = methods[name];
  if (options.json) {
    const about = { run: run.folder, network: name, modality: seen, split, classes: facts.classes };
    io.out(`${JSON.stringify({ ...about, ...metrics, averaged, perImage, averagedPerImage })}\n`);
    return;
  }
  const lines = [
    `${title} (${name}) on ${split} of ${dataset.name}, ${metrics.samples} images:`,
    ...summary(metrics, settings.task),
  ];
  if (averaged) {
    const [first, ...rest] = summary(averaged, settings.task);
    lines.push(`mean of both heads: ${first}`, ...rest);
  }
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

/** The class of live faces: the one named, else of two classes the one whose name says so; null where there is none. */
function liveClass(name: string | undefined, classes: readonly string[], task: Task): number | null {
  if (name === undefined) return task === "classify" ? liveClassOf(classes) : null;
  if (task === "segment") throw new UsageError(`--live: expected only with classes of images, got ${name}`);
  const found = classes.indexOf(name);
  if (found < 0) throw new UsageError(`--live: expected one of ${classes.join(", ")}, got ${name}`);
  return found;
}

function summary(metrics: Metrics, task: Task): string[] {
  const { top1, meanClass, nll } = metrics;
  const words = metricWords(task);
  const line = `${words.top1} ${percent(top1)}, ${words.meanClass} ${percent(meanClass)}, NLL ${number(nll)}`;
  if (task === "segment") {
    const { classAccuracy } = metrics as SegmentationMetrics;
    return [`${line}, mean accuracy ${percent(classAccuracy)}`];
  }
  const { ece, brier, spoofing } = metrics as ClassificationMetrics;
  const all = `${line}, ECE ${percent(ece)}, Brier ${number(brier)}`;
  if (!spoofing) return [all];
  const { half, equal, eer, auc, tprAtFpr } = spoofing;
  const points = tprAtFpr.map(({ fpr, tpr }) => `${percent(tpr)} at FPR ${fpr}`);
  return [
    all,
    `  live or attack: EER ${percent(eer)}, AUC ${number(auc)}, TPR ${points.join(", ")}`,
    ...[half, equal].map(rates),
  ];
}

function rates({ threshold, apcer, bpcer, acer }: SpoofingRates): string {
  return `  at ${number(threshold)}: APCER ${percent(apcer)}, BPCER ${percent(bpcer)}, ACER ${percent(acer)}`;
}
