import { cpus, loadavg, totalmem } from "node:os";
import { deviceOptions } from "../src/cli/device.ts";
import { packageVersion } from "../src/cli/info.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { dawnToggles } from "../src/tensor/gpu.node.ts";
import { VERSION } from "../src/tensor/version.ts";

/** Where and on what a run was made. */
export interface Facts {
  date: string;
  machine: { processor: string; cores: number; memory: number; platform: string };
  /** Load averages of 1, 5 and 15 minutes, before and after. */
  load: { before: number[]; after: number[] };
  adapter: {
    vendor: string;
    architecture: string;
    device: string;
    /** With the driver's version, as the driver says it. */
    description: string;
    software: boolean;
    /** How the launcher chose it; null without the launcher. */
    chosen: string | null;
    features: string[];
    limits: Record<string, number>;
  };
  versions: { onestage: string; node: string; webgpu: string | null };
  /** What Dawn, which has no version of its own in the package `webgpu`, was started with. */
  toggles: readonly string[];
}

/** Says what this run is made on. */
export function factsOf(device: GpuDevice, env: Readonly<Record<string, string | undefined>>): Facts {
  const { gpu, adapter } = device;
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) {
    const value = gpu.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[name] = value;
  }
  const all = cpus();
  const load = loadavg();
  return {
    date: new Date().toISOString(),
    machine: {
      processor: all[0]?.model.trim() ?? "unknown",
      cores: all.length,
      memory: totalmem(),
      platform: `${process.platform} ${process.arch}`,
    },
    load: { before: load, after: load },
    adapter: {
      vendor: adapter.vendor,
      architecture: adapter.architecture,
      device: gpu.adapterInfo.device,
      description: adapter.description,
      software: adapter.software,
      chosen: env.ONESTAGE_ADAPTER_CHOSEN ?? null,
      features: [...gpu.features].sort(),
      limits,
    },
    versions: { onestage: VERSION, node: process.versions.node, webgpu: packageVersion("webgpu") },
    toggles: dawnToggles(deviceOptions(env).subgroupMatrix),
  };
}
