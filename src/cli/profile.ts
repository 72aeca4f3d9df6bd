import { existsSync } from "node:fs";
import path from "node:path";
import { makeBatch } from "../data/batch.ts";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { sceneDataset } from "../data/scenes/index.ts";
import { buildMethod, existsAmong, type MethodName, methods, twoModalities } from "../model/methods.ts";
import { profilePrediction, profileTraining, type StepProfileOptions } from "../model/profile.ts";
import { defaultTraining, type HostBatch, Trainer } from "../model/train.ts";
import type { Module } from "../nn/module.ts";
import { renderProfile } from "../report/profile.ts";
import { datasetFacts, inputScale } from "../run/dataset.ts";
import { networkConfig } from "../run/settings.ts";
import { disposeMethod } from "../run/stage.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import { type Grouping, groupings, groupSpans, type Profile, totalOf } from "../tensor/profile.ts";
import { Rng } from "../tensor/rng.ts";
import { chromeTrace } from "../tensor/trace.ts";
import { adapterName } from "./finish.ts";
import { choice, type Flag, whole } from "./flag.ts";
import { checkInterrupted, type Io } from "./io.ts";
import { tellKernels, tunedStore, useStored } from "./kernels.ts";
import { flags, newSettings } from "./settings.ts";

const SEED = 1;

/** Whether the built-in scenes have what a method sees. */
function ofScenes(name: string): boolean {
  return existsAmong(name as MethodName, twoModalities);
}

/** The flags of `onestage profile` that have values, with their defaults; the others are --infer, --json and --trace. */
export const profileFlags = {
  model: { ...flags.model, default: "tiny" },
  task: { ...flags.task, default: "classify" },
  method: { ...choice("--method", Object.keys(methods).filter(ofScenes), "which network"), default: "one-stage-rgb" },
  batch: { ...whole("--batch", 1, 100_000, "images a step"), default: 24 },
  size: { ...flags.size, help: "side of the images in pixels", default: 32 },
  steps: { ...whole("--steps", 1, 1000, "profiled steps, of which medians are taken"), default: 5 },
  by: { ...choice("--by", groupings, "what the rows of the table are"), default: "op" },
} as const satisfies Record<string, Flag & { default: string | number }>;

/** The options of `onestage profile` as they are parsed. */
export interface ProfileOptions {
  model: string;
  task: string;
  method: MethodName;
  batch: number;
  size: number;
  steps: number;
  by: Grouping;
  infer?: boolean;
  json?: boolean;
  trace?: string;
}

/** Profiles a step on the built-in scenes and prints where its time goes. */
export async function profile(options: ProfileOptions, io: Io): Promise<void> {
  const { trace, by, infer, json, method, model, task, batch, size } = options;
  checkTrace(trace);
  const device = await io.openDevice();
  await useStored(device, tunedStore(io), io);
  tellKernels(device, io);
  const what = `${method}, ${model} (${task}), ${infer ? "prediction" : "training step"}, ${batch} images of ${size}×${size}`;
  const on = adapterName(device);
  const profiled = await run(device, options, io);
  if (trace !== undefined) {
    const text = JSON.stringify(chromeTrace(profiled, `${what}, ${on}`));
    await writeFileAtomic(trace, new TextEncoder().encode(text));
  }
  if (json) {
    const groups = Object.fromEntries(
      groupings.map((name) => [name, groupSpans(profiled.spans, name, profiled.limits)]),
    );
    const { infer: _, json: __, ...settings } = options;
    const facts = { adapter: on, step: infer ? "predict" : "train", settings };
    io.out(`${JSON.stringify({ ...facts, total: totalOf(profiled.spans, profiled.limits), groups, ...profiled })}\n`);
    return;
  }
  io.out(renderProfile(profiled, { by, title: [what, on] }));
  if (trace !== undefined) io.say(`trace written to ${trace}; open it at ui.perfetto.dev`);
}

async function run(device: GpuDevice, options: ProfileOptions, io: Io): Promise<Profile> {
  const { method: name, batch, size, task, model, steps, infer } = options;
  checkInterrupted(io.signal);
  const dataset = sceneDataset({ seed: SEED, width: size, height: size, train: batch, val: 1, test: 0 });
  const settings = newSettings({ task, model, batch, size });
  const facts = datasetFacts(dataset, settings);
  const config = networkConfig(settings, facts);
  const host: HostBatch = makeBatch(
    dataset,
    "train",
    Array.from({ length: batch }, (_, i) => i),
    inputScale(facts),
    null,
    settings.task,
  );
  const rng = (part: string) => new Rng(SEED, "network", part);
  const needs = infer ? [] : Object.entries(methods[name].needs(config));
  const needed = Object.fromEntries(needs.map(([part, at]) => [part, buildMethod(at, device, rng(at), config)]));
  const method = buildMethod(name, device, rng(name), config, needed);
  if (!infer) await method.begin?.();
  const modules = new Map<string, Module>(Object.entries(needed).map(([part, { network }]) => [part, network]));
  const profileOptions: StepProfileOptions = { runs: steps, modules, check: () => checkInterrupted(io.signal) };
  const trainer = infer ? null : new Trainer(device, method, defaultTraining(2 * steps + 2), new Rng(SEED, "steps"));
  try {
    return trainer
      ? await profileTraining(device, trainer, host, profileOptions)
      : await profilePrediction(device, method, host, profileOptions);
  } finally {
    trainer?.dispose();
    for (const own of [method, ...Object.values(needed)]) disposeMethod(own);
  }
}

/** @throws UsageError if there is no such folder: better now than after the work. */
function checkTrace(file: string | undefined): void {
  if (file === undefined || existsSync(path.dirname(path.resolve(file)))) return;
  throw new UsageError(`--trace: expected a file in a folder that exists, got ${file}`);
}
