import { cpus, loadavg, totalmem } from "node:os";
import { deviceOptions } from "../src/cli/device.ts";
import { packageVersion } from "../src/cli/info.ts";
import { dawnToggles } from "../src/tensor/gpu.node.ts";
import { type Surroundings, UNKNOWN } from "./facts.ts";

/** What Node says of where it runs. */
export function nodeSurroundings(env: Readonly<Record<string, string | undefined>>): Surroundings {
  const all = cpus();
  return {
    machine: {
      processor: all[0]?.model.trim() ?? UNKNOWN,
      cores: all.length,
      memory: totalmem(),
      platform: `${process.platform} ${process.arch}`,
    },
    load: loadavg(),
    chosen: env.ONESTAGE_ADAPTER_CHOSEN ?? null,
    versions: { node: process.versions.node, webgpu: packageVersion("webgpu") },
    toggles: dawnToggles(deviceOptions(env).subgroupMatrix),
  };
}
