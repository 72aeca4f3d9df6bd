import { rm } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { readWholeFile } from "../data/node/files.ts";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../data/safetensors.ts";
import { evaluate } from "../model/evaluate.ts";
import { type MethodName, methods, type Seen } from "../model/methods.ts";
import type { Metrics } from "../model/metrics.ts";
import { deployed, type Stage } from "../model/plan.ts";
import type { Task } from "../model/task.ts";
import { SEEN_WORDS } from "../report/format.ts";
import { type NetworkReport, type ReportData, renderReport, type SampleReport } from "../report/index.ts";
import { splitBatches } from "../run/dataset.ts";
import type { Settings } from "../run/settings.ts";
import { disposeMethod } from "../run/stage.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { VERSION } from "../tensor/version.ts";
import { Gallery } from "./gallery.ts";
import { interruptibly } from "./io.ts";
import { curvesOf, type EpochRecord, notesOf, readRecords } from "./records.ts";
import { runFiles } from "./runFolder.ts";
import { type Session, trainedMethod } from "./session.ts";
import { shownSettings } from "./settings.ts";

/** What a run found about one network. */
export interface NetworkResult {
  name: MethodName;
  title: string;
  role: NetworkReport["role"];
  seen: Seen;
  /** Trainable scalars used at test time. */
  parameters: number;
  /** Training time. */
  seconds: number;
  metrics: Metrics;
  /** Of the mean of both heads' probabilities; null for networks with one head. */
  averaged: Metrics | null;
}

/** results.json: what a finished run found. */
export interface Results {
  format: "onestage-results-1";
  version: string;
  task: Task;
  dataset: string;
  /** The split that the networks were compared on. */
  split: string;
  adapter: string;
  seconds: number;
  networks: NetworkResult[];
  notes: string[];
}

/**
 * Evaluates every network of a trained run and writes what the run is for: model.safetensors, report.html, and last of
 * all results.json, which marks the run as finished.
 */
export async function finishRun(session: Session): Promise<{ results: Results; report: ReportData }> {
  const { config, folder, device } = session;
  const records = await readRecords(folder);
  const { networks, samples } = await evaluateAll(session, records);
  const results: Results = {
    format: "onestage-results-1",
    version: VERSION,
    task: config.settings.task,
    dataset: config.dataset.name,
    split: config.dataset.evaluation,
    adapter: adapterName(device),
    seconds: session.elapsed(),
    networks,
    notes: [...stageNotes(config.stages), ...notesOf(records)],
  };
  const report = reportOf(session, results, records, samples);
  await writeModel(session);
  await writeText(path.join(folder, runFiles.report), renderReport(report));
  await writeText(path.join(folder, runFiles.results), `${JSON.stringify(results, null, 2)}\n`);
  await rm(path.join(folder, runFiles.checkpoints), { recursive: true, force: true });
  return { results, report };
}

async function evaluateAll(session: Session, records: readonly EpochRecord[]) {
  const { config, device, dataset, io } = session;
  const { stages, settings, dataset: facts } = config;
  const gallery = new Gallery(dataset, facts, settings.task);
  const networks: NetworkResult[] = [];
  // What only leads to another network is not judged by itself.
  const judged = stages.map(({ name }) => name).filter((name) => methods[name].role !== "step");
  for (const [i, name] of judged.entries()) {
    session.progress.say(`evaluating ${i + 1}/${judged.length} ${name}`);
    const method = await trainedMethod(session, name);
    const batches = interruptibly(splitBatches(dataset, facts.evaluation, settings, facts), io.signal);
    const { metrics, averaged } = await evaluate(device, method, batches, facts.classes.length);
    await gallery.add(device, method);
    const { title, seen } = methods[name];
    const role = methods[name].role as NetworkReport["role"];
    const own = records.filter(({ stage }) => stage === name);
    const seconds = own.reduce((sum, record) => sum + record.seconds, 0);
    networks.push({ name, title, role, seen, parameters: method.network.parameterCount(), seconds, metrics, averaged });
    disposeMethod(method);
  }
  const order = Object.keys(methods);
  networks.sort((a, b) => rank(a) - rank(b) || order.indexOf(a.name) - order.indexOf(b.name));
  return { networks, samples: gallery.result(stages) };
}

/** Teachers that are nothing else come last. */
function rank({ name }: NetworkResult): number {
  return deployed(name) ? 0 : 1;
}

function reportOf(
  { config, folder }: Session,
  results: Results,
  records: readonly EpochRecord[],
  samples: SampleReport[],
): ReportData {
  const { settings, dataset } = config;
  const { networks, adapter, seconds, notes } = results;
  const counts = Object.entries(dataset.splits).map(([split, size]) => `${size} ${split}`);
  return {
    title: `onestage: ${path.basename(folder)}`,
    subtitle: `Trained with ${words(settings.modalities)}, tested with one of them: ${dataset.name}, ${dataset.classes.length} classes, ${dataset.width}×${dataset.height} pixels, ${counts.join(" / ")} images; compared on ${dataset.evaluation}.`,
    created: config.created,
    command: config.command,
    adapter,
    seconds,
    task: settings.task,
    classes: dataset.classes,
    settings: shownSettings(settings, ["data"]),
    networks: networks.flatMap(networkRows),
    curves: curvesOf(records),
    samples,
    notes,
  };
}

/** Names of modalities in a sentence. */
function words(modalities: Settings["modalities"]): string {
  return SEEN_WORDS[modalities === "rgb,depth" ? "both" : "all"];
}

/** A network's row in the report, and one for the mean of its heads where it has two. */
function networkRows({ name, averaged, metrics, ...rest }: NetworkResult): NetworkReport[] {
  const { title, role, seen, parameters, seconds } = rest;
  const row = { id: name as string, title, role, seen, parameters, seconds, metrics };
  return averaged
    ? [row, { ...row, id: `${name}+h`, title: `${title}, mean of both heads`, metrics: averaged }]
    : [row];
}

function stageNotes(stages: readonly Stage[]): string[] {
  return stages.flatMap(({ name, needs }) => {
    const earlier = Object.values(needs);
    return earlier.length > 0 ? [`${name} learnt from ${earlier.join(" and ")}, trained before.`] : [];
  });
}

/** All deployable networks in one file, each tensor's name behind its network's. */
async function writeModel({ config, folder, networkFile }: Session): Promise<void> {
  const all = new Map<string, SafeTensor>();
  for (const { name } of config.stages) {
    if (!deployed(name)) continue;
    const file = networkFile(name);
    const { tensors } = parseSafetensors(await readWholeFile(file, 2 ** 34), file);
    for (const [tensor, value] of tensors) all.set(`${name}.${tensor}`, value);
  }
  await writeFileAtomic(path.join(folder, runFiles.model), serializeSafetensors(all, { format: "pt" }));
}

async function writeText(file: string, text: string): Promise<void> {
  await writeFileAtomic(file, new TextEncoder().encode(text));
}

/** The adapter's name for people. */
export function adapterName({ adapter }: GpuDevice): string {
  return adapter.description || `${adapter.vendor} ${adapter.architecture}`.trim() || "an adapter without a name";
}
