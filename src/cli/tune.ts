import { choicesOf, type Tuned, type TunedStore } from "../data/node/tuned.ts";
import { renderTuned } from "../report/tuned.ts";
import type { RunShape } from "../run/batches.ts";
import { datasetFacts } from "../run/dataset.ts";
import { stagesOf } from "../run/settings.ts";
import { adapterKey, useChoices } from "../tensor/choices.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import { families } from "../tensor/variant.ts";
import { VERSION } from "../tensor/version.ts";
import { openDataset } from "./dataset.ts";
import type { Io } from "./io.ts";
import { counted, tunedStore, useStored } from "./kernels.ts";
import { checkShape, fittingBatch } from "./session.ts";
import { flags, type Given, newSettings } from "./settings.ts";
import { tuneStages } from "./tuning.ts";

/** The settings that decide the jobs of a step: the flags that `tune` shares with `train`. */
export const tuneFlags = [
  ...(["data", "task", "methods", "model", "fusion", "privileged", "batch", "size"] as const),
  ...(["precision", "accumulate", "recompute"] as const),
];

/** The flags of `tune` that are no settings. */
export interface TuneFlags {
  infer?: boolean;
  again?: boolean;
  list?: boolean;
  clear?: boolean;
  all?: boolean;
  pin?: string[];
  unpin?: string[];
  json?: boolean;
}

/** A command with what it works on. */
interface Work {
  io: Io;
  store: TunedStore;
  device: GpuDevice;
  json: boolean;
}

/** Finds the fastest kernels for networks on this adapter and keeps the choices, or tells about them and changes them. */
export async function tuneKernels(given: Given, options: TuneFlags, io: Io): Promise<void> {
  const { pin = [], unpin = [], list, clear, json = false } = options;
  checkTogether(given, options);
  const pins = pin.map(parsePin);
  const store = tunedStore(io);
  if (!store)
    throw new UsageError("ONESTAGE_CACHE: expected a folder for the choices where there is no home, got none");
  const work: Work = { io, store, device: await io.openDevice(), json };
  if (list) await listStored(work);
  else if (clear) await clearStored(work, options.all ?? false);
  else if (pin.length + unpin.length > 0) await changePins(work, pins, unpin);
  else await tuneShape(work, await shapeOf(given, io), options);
}

/** @throws UsageError for flags that do not go together. */
function checkTogether(given: Given, { infer, again, list, clear, all, pin, unpin }: TuneFlags): void {
  const actions = [list && "--list", clear && "--clear", (pin && "--pin") || (unpin && "--unpin")];
  const settings = Object.keys(given).map((name) => flags[name as keyof Given].flag);
  const [first, second] = [...actions, infer && "--infer", again && "--again", ...settings].filter(Boolean);
  if (actions.some(Boolean) && second) throw new UsageError(`${first}: expected not to come with ${second}, got both`);
  if (all && !clear) throw new UsageError("--all: expected to come with --clear, got it alone");
}

/** @throws UsageError if there is no such family or variant. */
function parsePin(text: string): [family: string, variant: string] {
  const [name = "", variant = ""] = text.split("=", 2);
  const family = families().get(name);
  const known = [...families().keys()].sort().join(", ");
  if (!family) throw new UsageError(`--pin: expected <family>=<variant> with a family out of ${known}, got ${text}`);
  if (family.names.includes(variant)) return [name, variant];
  throw new UsageError(`--pin: expected ${name}= and one of ${family.names.join(", ")}, got ${text}`);
}

/** The networks and batches that `train` would make of these settings. */
async function shapeOf(given: Given, io: Io): Promise<RunShape> {
  const settings = newSettings(given);
  // Of the built-in scenes a few tell all that matters here.
  const scenes = settings.data === null ? { scenes: "4,1,1", epochs: 1 } : {};
  const dataset = datasetFacts(await openDataset({ ...settings, ...scenes }, io), settings);
  const batch = settings.data === null ? settings.batch : fittingBatch(settings, given, dataset);
  return { settings: { ...settings, batch }, dataset, stages: stagesOf(settings) };
}

async function tuneShape({ io, store, device, json }: Work, shape: RunShape, { infer, again }: TuneFlags) {
  checkShape(device, shape);
  await useStored(device, store, io);
  if (again) device.choices.clear();
  const { width, height } = shape.dataset;
  const { model, task: kind, batch } = shape.settings;
  const adapter = adapterKey(device);
  const names = shape.stages.map(({ name }) => name).join(", ");
  io.say(`tuning ${names} (${model}, ${kind}, ${batch} images of ${width}×${height}) on ${adapter}`);
  const tuned = await tuneStages(device, shape, { infer, store, io });
  const file = store.file(adapter);
  if (json) {
    io.out(`${JSON.stringify({ adapter, version: VERSION, file, tuned })}\n`);
    return;
  }
  if (tuned.length === 0) {
    io.out("Nothing is left to tune: every job has its choice, or a pin (--again measures anew)\n");
    return;
  }
  const changed = tuned.filter(({ preferred, chosen }) => preferred !== chosen).length;
  io.out(
    `${renderTuned(tuned)}${counted(tuned.length, "job")} tuned, ${changed} with another variant than without tuning; kept in ${file}\n`,
  );
}

async function listStored({ io, store, device, json }: Work): Promise<void> {
  const here = adapterKey(device);
  const all = await store.list((message) => io.say(`warning: ${message}`));
  if (json) {
    const adapters = all.map(({ adapter, jobs, pins }) => ({
      adapter,
      current: adapter === here,
      jobs: Object.values(jobs),
      pins,
    }));
    io.out(`${JSON.stringify({ folder: store.folder, adapters })}\n`);
    return;
  }
  if (all.length === 0) io.out(`Nothing is kept in ${store.folder}\n`);
  for (const tuned of all) io.out(listed(tuned, tuned.adapter === here));
}

function listed({ adapter, jobs, pins }: Tuned, here: boolean): string {
  const found = Object.values(jobs);
  const pinned = Object.entries(pins).map(([family, variant]) => `pinned  ${family}=${variant}\n`);
  const table = found.length > 0 ? renderTuned(found) : "";
  return `${adapter}${here ? " (this one)" : ""}: ${counted(found.length, "tuned job")}\n${pinned.join("")}${table}`;
}

async function clearStored({ io, store, device, json }: Work, all: boolean): Promise<void> {
  const adapter = adapterKey(device);
  const removed = await store.clear(all ? undefined : adapter);
  useChoices(device, null);
  if (json) io.out(`${JSON.stringify({ removed })}\n`);
  else
    io.out(`Removed what was kept for ${all ? counted(removed, "adapter") : removed > 0 ? adapter : "no adapter"}\n`);
}

async function changePins({ io, store, device, json }: Work, added: [string, string][], removed: string[]) {
  const adapter = adapterKey(device);
  let after: Record<string, string> = {};
  await store.update(adapter, ({ jobs, pins }) => {
    const kept = new Map(Object.entries(pins));
    for (const family of removed) {
      if (!kept.delete(family)) {
        const known = Object.keys(pins).join(", ") || "none";
        throw new UsageError(`--unpin: expected a pinned family (${known}), got ${family}`);
      }
    }
    for (const [family, variant] of added) kept.set(family, variant);
    after = Object.fromEntries(kept);
    return { jobs, pins: after };
  });
  useChoices(device, choicesOf(await store.read(adapter, () => {})));
  if (json) io.out(`${JSON.stringify({ adapter, pins: after })}\n`);
  else {
    const list = Object.entries(after).map(([family, variant]) => `${family}=${variant}`);
    io.out(`Pinned on ${adapter}: ${list.join(", ") || "nothing"}\n`);
  }
}
