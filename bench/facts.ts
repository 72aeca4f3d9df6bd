import type { GpuDevice } from "../src/tensor/device.ts";
import { VERSION } from "../src/tensor/version.ts";

/** Where and on what a run was made. */
export interface Facts {
  date: string;
  /** `memory` in bytes; null where a browser does not say. */
  machine: { processor: string; cores: number; memory: number | null; platform: string };
  /** Load averages of 1, 5 and 15 minutes, before and after; empty in a browser. */
  load: { before: number[]; after: number[] };
  adapter: {
    vendor: string;
    architecture: string;
    device: string;
    /** With the driver's version, as the driver says it; empty where a browser keeps it to itself. */
    description: string;
    software: boolean;
    /** How the launcher chose it; null without the launcher. */
    chosen: string | null;
    features: string[];
    limits: Record<string, number>;
  };
  /** `browser` is there in a browser alone, `node` and `webgpu` in Node alone. */
  versions: { onestage: string; node: string | null; webgpu: string | null; browser?: string };
  /** What Dawn, which has no version of its own in the package `webgpu`, was started with. */
  toggles: readonly string[];
}

/** What the device does not know of where it is: Node and browsers say it in their own ways. */
export interface Surroundings extends Pick<Facts, "machine" | "toggles"> {
  /** Load averages now. */
  load: number[];
  chosen: string | null;
  versions: Omit<Facts["versions"], "onestage">;
}

/** Stands where a browser does not say what processor there is. */
export const UNKNOWN = "unknown";

/** Says what this run is made on. */
export function factsOf(device: GpuDevice, { machine, load, chosen, versions, toggles }: Surroundings): Facts {
  const { gpu, adapter } = device;
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) {
    const value = gpu.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[name] = value;
  }
  return {
    date: new Date().toISOString(),
    machine,
    load: { before: load, after: load },
    adapter: {
      vendor: adapter.vendor,
      architecture: adapter.architecture,
      device: gpu.adapterInfo.device,
      description: adapter.description,
      software: adapter.software,
      chosen,
      features: [...gpu.features].sort(),
      limits,
    },
    versions: { onestage: VERSION, ...versions },
    toggles,
  };
}

/** An adapter's name for people: what its driver says, or else its vendor and architecture. */
export function adapterName({ vendor, architecture, device, description }: Facts["adapter"]): string {
  return description || device || `${vendor} ${architecture}`.trim() || "an adapter without a name";
}
