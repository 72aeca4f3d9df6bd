import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { NETWORK_ENTRY, NETWORK_FORMAT } from "../infer/facts.ts";
import { dropHallucinationHead, unloadedMethod } from "../model/deploy.ts";
import { type Method, type MethodName, methods, type Seen } from "../model/methods.ts";
import { deployed } from "../model/plan.ts";
import { networkConfig } from "../run/settings.ts";
import type { Device } from "../tensor/device.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import { type RunConfig, readConfig, readFacts, readKernels, readSettings } from "./config.ts";
import { Entry } from "./entry.ts";
import { loadNetwork, readMetadata } from "./networks.ts";
import { existingRun, runFiles } from "./runFolder.ts";

/** Trained networks, opened for use: a finished run, or one network that was exported from it. */
export interface TrainedRun {
  /** The run's folder, or the exported file. */
  folder: string;
  config: Pick<RunConfig, "settings" | "dataset" | "serves" | "kernels"> & { stages: { name: MethodName }[] };
  /** Of an exported network: whether the train-only head is still there; null for a run. */
  exported: { bothHeads: boolean } | null;
}

/**
 * Opens a run's configuration, or that of an exported network.
 * @throws FormatError if there is neither, or what is said there is damaged.
 */
export async function openRun(run: string): Promise<TrainedRun> {
  const place = path.resolve(run);
  if ((await stat(place).catch(() => null))?.isFile()) return openExported(place);
  const folder = await existingRun(place);
  return { folder, config: await readConfig(folder), exported: null };
}

async function openExported(file: string): Promise<TrainedRun> {
  const said = (await readMetadata(file))[NETWORK_ENTRY];
  if (said === undefined) throw new FormatError(file, "a network written by onestage export", "other tensors");
  let json: unknown;
  try {
    json = JSON.parse(said);
  } catch (error) {
    throw new FormatError(`${file}: ${NETWORK_ENTRY}`, "JSON", (error as SyntaxError).message);
  }
  const root = new Entry(json, file, "");
  root.at("format").expect((value) => value === NETWORK_FORMAT, `"${NETWORK_FORMAT}"`);
  const isMethod = (value: unknown) => typeof value === "string" && Object.hasOwn(methods, value);
  const name = root.at("network").expect(isMethod, "a method's name") as MethodName;
  const bothHeads = root.at("bothHeads").expect((value) => typeof value === "boolean", "true or false") as boolean;
  const serves = { [methods[name].seen]: name };
  const config = {
    settings: readSettings(root.at("settings")),
    dataset: readFacts(root.at("dataset")),
    kernels: readKernels(root.at("kernels")),
    stages: [{ name }],
    serves,
  };
  return { folder: file, config, exported: { bothHeads } };
}

/**
 * The network that is asked for by name, or else the one that serves what it will be shown, which `flag` says.
 * @throws UsageError if there is none such, or both were said and disagree.
 */
export function chooseNetwork(
  { config }: TrainedRun,
  seen: Seen | undefined,
  name: string | undefined,
  flag: string,
): MethodName {
  const able = config.stages.map((stage) => stage.name).filter(deployed);
  if (name === undefined) {
    const serving = seen === undefined ? null : config.serves[seen];
    if (serving) return serving;
    const known = able.map((network) => `${network} (${methods[network].seen})`).join(", ");
    throw new UsageError(`${flag}: expected one that a network of the run serves: ${known}; got ${seen ?? "none"}`);
  }
  const found = able.find((network) => network === name);
  if (!found) throw new UsageError(`--network: expected one of ${able.join(", ")}, got ${name}`);
  if (seen !== undefined && methods[found].seen !== seen) {
    throw new UsageError(`--network: expected one that sees ${seen}, got ${name}, which sees ${methods[found].seen}`);
  }
  return found;
}

/** A method of a run for inference, whose weights are still to be loaded. */
export function unloaded({ config, exported }: TrainedRun, name: MethodName, device: Device): Method {
  const network = networkConfig(config.settings, config.dataset);
  const method = unloadedMethod(name, device, network);
  if (exported && !exported.bothHeads) dropHallucinationHead(method.network, network);
  return method;
}

/**
 * Builds a network of a run and reads its weights, and only them, from model.safetensors or the exported file.
 * @throws FormatError if the run is not finished, or its file is damaged.
 */
export async function loadDeployed(run: TrainedRun, name: MethodName, device: Device): Promise<Method> {
  const method = unloaded(run, name, device);
  if (run.exported) await loadNetwork(run.folder, method.network);
  else await loadNetwork(modelFile(run), method.network, `${name}.`);
  return method;
}

/** Where the networks of a run lie. */
export function modelFile({ folder }: TrainedRun): string {
  return path.join(folder, runFiles.model);
}

/** Checks that the run has been trained to its end. @throws FormatError if not. */
export async function checkFinished(run: TrainedRun): Promise<void> {
  if (run.exported || existsSync(modelFile(run))) return;
  throw new FormatError(run.folder, `a finished run with ${runFiles.model}`, "one without it (train --resume goes on)");
}
