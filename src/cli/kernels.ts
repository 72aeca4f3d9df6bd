import path from "node:path";
import { choicesOf, TunedStore } from "../data/node/tuned.ts";
import { adapterKey, type KernelChoices, kernelChoices, unknownChoices, useChoices } from "../tensor/choices.ts";
import type { GpuDevice } from "../tensor/device.ts";
import type { TunedJob } from "../tensor/tune.ts";
import { VERSION } from "../tensor/version.ts";
import type { Io } from "./io.ts";

/** Where this program keeps what it can find out again; null where the user has no home folder. */
export function cacheFolder(env: Io["env"], platform: string = process.platform): string | null {
  if (env.ONESTAGE_CACHE) return path.resolve(env.ONESTAGE_CACHE);
  const { XDG_CACHE_HOME, HOME, LOCALAPPDATA } = env;
  if (platform === "win32") return LOCALAPPDATA ? path.join(LOCALAPPDATA, "onestage") : null;
  // The specification has relative paths ignored. Source: XDG Base Directory Specification 0.8.
  const caches = XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : HOME && path.join(HOME, ".cache");
  return caches ? path.join(caches, "onestage") : null;
}

/** The user's tuned kernel choices; null where they cannot be kept. */
export function tunedStore(io: Io): TunedStore | null {
  const cache = cacheFolder(io.env);
  return cache === null ? null : new TunedStore(path.join(cache, "kernels"), VERSION);
}

/** Puts in force what is stored for a device's adapter, or nothing. */
export async function useStored(device: GpuDevice, store: TunedStore | null, io: Io): Promise<void> {
  const stored = await store?.read(adapterKey(device), (message) => io.say(`warning: ${message}`));
  useChoices(device, stored ? choicesOf(stored) : null);
}

/** Puts a run's kernel choices in force, and says what of them is not to be had; on another adapter none are. */
export function useRunKernels(device: GpuDevice, kernels: KernelChoices, io: Io): void {
  useChoices(device, kernels);
  const adapter = adapterKey(device);
  const wanted = countOf(kernels);
  if (wanted === 0) return;
  const elsewhere = kernels.adapter !== adapter;
  const missing = unknownChoices(kernels).length;
  if (elsewhere) io.say(`warning: the run's kernel choices are for ${kernels.adapter}; on ${adapter} none are used`);
  else if (missing > 0) io.say(`warning: ${missing} of the run's ${wanted} kernel choices are unknown to this version`);
}

/** Says how many choices and pins are in force, if any. */
export function tellKernels(device: GpuDevice, io: Io): void {
  const { choices, pins } = kernelChoices(device);
  const [tuned, pinned] = [Object.keys(choices).length, Object.keys(pins).length];
  const parts = [tuned > 0 && counted(tuned, "tuned kernel choice"), pinned > 0 && counted(pinned, "pinned family")];
  if (tuned + pinned > 0) io.say(`${parts.filter(Boolean).join(" and ")} in force`);
}

/** Adds what tuning found to the store. @throws OnestageError if it cannot be written. */
export async function storeJobs(store: TunedStore, device: GpuDevice, found: readonly TunedJob[]): Promise<void> {
  if (found.length === 0) return;
  const added = Object.fromEntries(found.map((job) => [job.key, job]));
  await store.update(adapterKey(device), ({ jobs, pins }) => ({ jobs: { ...jobs, ...added }, pins }));
}

/** A number with its noun. */
export function counted(count: number, noun: string): string {
  const plural = noun.endsWith("y") ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count} ${count === 1 ? noun : plural}`;
}

function countOf({ choices, pins }: KernelChoices): number {
  return Object.keys(choices).length + Object.keys(pins).length;
}
