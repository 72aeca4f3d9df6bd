import { makeBatch } from "../data/batch.ts";
import { sceneDataset } from "../data/scenes/index.ts";
import { buildMethod, type MethodName, methods } from "../model/methods.ts";
import { profilePrediction, profileTraining, type StepProfileOptions } from "../model/profile.ts";
import { defaultTraining, type HostBatch, Trainer } from "../model/train.ts";
import type { Module } from "../nn/module.ts";
import type { GpuDevice } from "../tensor/device.ts";
import type { Profile } from "../tensor/profile.ts";
import { Rng } from "../tensor/rng.ts";
import { type DatasetFacts, datasetFacts, inputScale } from "./dataset.ts";
import { networkConfig, type Settings } from "./settings.ts";
import { disposeMethod } from "./stage.ts";

const SEED = 1;

/** Which step is profiled, and how often. */
export interface ProfiledStep {
  method: MethodName;
  /** Whether it predicts; it trains otherwise. */
  infer: boolean;
  /** Profiled steps, of which medians are taken. */
  steps: number;
  /** Called before each run; it may throw to end the profiling. */
  check?: () => void;
}

/** A profile and the title that says of what. */
export interface TitledProfile {
  title: string;
  profile: Profile;
}

/** Says where the time of a step of a fresh network goes, on a batch of the built-in scenes. */
export async function profileStep(
  device: GpuDevice,
  settings: Settings & { size: number },
  { method: name, infer, steps, check }: ProfiledStep,
): Promise<TitledProfile> {
  const { batch, size, model, task } = settings;
  const { host, facts } = scenesBatch(settings);
  const config = networkConfig(settings, facts);
  const rng = (part: string) => new Rng(SEED, "network", part);
  const needs = infer ? [] : Object.entries(methods[name].needs(config));
  const needed = Object.fromEntries(needs.map(([part, at]) => [part, buildMethod(at, device, rng(at), config)]));
  const method = buildMethod(name, device, rng(name), config, needed);
  if (!infer) await method.begin?.();
  const modules = new Map<string, Module>(Object.entries(needed).map(([part, { network }]) => [part, network]));
  const options: StepProfileOptions = { runs: steps, modules, check };
  const trainer = infer ? null : new Trainer(device, method, defaultTraining(2 * steps + 2), new Rng(SEED, "steps"));
  const title = `${name}, ${model} (${task}), ${infer ? "prediction" : "training step"}, ${imagesText(batch, size, size)}`;
  try {
    const profile = trainer
      ? await profileTraining(device, trainer, host, options)
      : await profilePrediction(device, method, host, options);
    return { title, profile };
  } finally {
    trainer?.dispose();
    for (const own of [method, ...Object.values(needed)]) disposeMethod(own);
  }
}

/** So many images of a size, in words. */
export function imagesText(count: number, width: number, height: number): string {
  return `${count} ${count === 1 ? "image" : "images"} of ${width}×${height}`;
}

/** The first scenes of a run as one batch, and what there is to know of their dataset. */
function scenesBatch(settings: Settings & { size: number }): { host: HostBatch; facts: DatasetFacts } {
  const { batch, size, task } = settings;
  const dataset = sceneDataset({ seed: SEED, width: size, height: size, train: batch, val: 1, test: 0 });
  const facts = datasetFacts(dataset, settings);
  const indices = Array.from({ length: batch }, (_, i) => i);
  return { host: makeBatch(dataset, "train", indices, inputScale(facts), null, task), facts };
}
