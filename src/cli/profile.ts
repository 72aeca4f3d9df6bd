import { existsSync } from "node:fs";
import path from "node:path";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { existsAmong, type MethodName, methods, twoModalities } from "../model/methods.ts";
import { renderProfile } from "../report/profile.ts";
import { profileStep } from "../run/profile.ts";
import { UsageError } from "../tensor/errors.ts";
import { type Grouping, groupings, groupSpans, totalOf } from "../tensor/profile.ts";
import { chromeTrace } from "../tensor/trace.ts";
import { adapterName } from "./finish.ts";
import { choice, type Flag, whole } from "./flag.ts";
import { checkInterrupted, type Io } from "./io.ts";
import { tellKernels, tunedStore, useStored } from "./kernels.ts";
import { flags, newSettings } from "./settings.ts";

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
  const { trace, by, infer, json, method, model, task, batch, size, steps } = options;
  checkTrace(trace);
  const device = await io.openDevice();
  await useStored(device, tunedStore(io), io);
  tellKernels(device, io);
  const check = () => checkInterrupted(io.signal);
  check();
  const settings = { ...newSettings({ task, model, batch, size }), size };
  const { title: what, profile: profiled } = await profileStep(device, settings, {
    ...{ method, infer: infer ?? false, steps, check },
  });
  const on = adapterName(device);
  if (trace !== undefined) {
    const text = JSON.stringify(chromeTrace(profiled, `${what}, ${on}`));
    await writeFileAtomic(trace, new TextEncoder().encode(text));
  }
  if (json) {
    const groups = Object.fromEntries(
      groupings.map((name) => [name, groupSpans(profiled.spans, name, profiled.limits)]),
    );
    const { infer: _, json: __, ...given } = options;
    const facts = { adapter: on, step: infer ? "predict" : "train", settings: given };
    io.out(`${JSON.stringify({ ...facts, total: totalOf(profiled.spans, profiled.limits), groups, ...profiled })}\n`);
    return;
  }
  io.out(renderProfile(profiled, { by, title: [what, on] }));
  if (trace !== undefined) io.say(`trace written to ${trace}; open it at ui.perfetto.dev`);
}

/** @throws UsageError if there is no such folder: better now than after the work. */
function checkTrace(file: string | undefined): void {
  if (file === undefined || existsSync(path.dirname(path.resolve(file)))) return;
  throw new UsageError(`--trace: expected a file in a folder that exists, got ${file}`);
}
