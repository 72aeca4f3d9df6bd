import path from "node:path";
import { type Method, type MethodName, methods, type Seen } from "../model/methods.ts";
import { deployed } from "../model/plan.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import { type RunConfig, readConfig } from "./config.ts";
import { loadNetwork } from "./networks.ts";
import { existingRun, runFiles } from "./runFolder.ts";
import { freshMethod } from "./session.ts";

/** A finished run, opened for use. */
export interface TrainedRun {
  folder: string;
  config: RunConfig;
}

/** Opens a run's configuration. @throws FormatError if there is no run, or its config.json is damaged. */
export async function openRun(run: string): Promise<TrainedRun> {
  const folder = await existingRun(path.resolve(run));
  return { folder, config: await readConfig(folder) };
}

/**
 * The network that is asked for by name, or else the one that serves what it will be shown.
 * @throws UsageError if there is none such, or both were said and disagree.
 */
export function chooseNetwork({ config }: TrainedRun, seen: Seen | undefined, name: string | undefined): MethodName {
  const able = config.stages.map((stage) => stage.name).filter(deployed);
  if (name === undefined) {
    const serving = seen === undefined ? null : config.serves[seen];
    if (serving) return serving;
    const known = able.map((network) => `${network} (${methods[network].seen})`).join(", ");
    throw new UsageError(`--modality: expected one that a network of the run serves: ${known}; got ${seen ?? "none"}`);
  }
  const found = able.find((network) => network === name);
  if (!found) throw new UsageError(`--network: expected one of ${able.join(", ")}, got ${name}`);
  if (seen !== undefined && methods[found].seen !== seen) {
    throw new UsageError(`--network: expected one that sees ${seen}, got ${name}, which sees ${methods[found].seen}`);
  }
  return found;
}

/**
 * Builds a network of a run and reads its weights, and only them, from model.safetensors.
 * @throws FormatError if the run is not finished, or its file is damaged.
 */
export async function loadDeployed(
  { folder, config }: TrainedRun,
  name: MethodName,
  device: GpuDevice,
): Promise<Method> {
  const method = freshMethod(device, config, name);
  const file = path.join(folder, runFiles.model);
  await loadNetwork(file, method.network, `${name}.`);
  return method;
}

/** Checks that the run has been trained to its end. @throws FormatError if not. */
export async function checkFinished({ folder }: TrainedRun): Promise<void> {
  const { existsSync } = await import("node:fs");
  if (existsSync(path.join(folder, runFiles.model))) return;
  throw new FormatError(folder, `a finished run with ${runFiles.model}`, "one without it (train --resume goes on)");
}
