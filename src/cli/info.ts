import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { freemem } from "node:os";
import { machineMemory } from "../data/node/machine.ts";
import { matrixConfigs } from "../kernels/tiles.ts";
import { duration } from "../report/format.ts";
import { type GpuDevice, SUBGROUP_MATRIX } from "../tensor/device.ts";
import { VERSION } from "../tensor/version.ts";
import { deviceOptions } from "./device.ts";
import { adapterName } from "./finish.ts";
import type { Io } from "./io.ts";

/** The limits that decide what fits. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Tells what this program would run on. */
export async function info({ json }: { json?: boolean }, io: Io): Promise<void> {
  const began = performance.now();
  const device = await io.openDevice();
  const seconds = (performance.now() - began) / 1000;
  const { adapter, gpu } = device;
  const facts = {
    adapter: adapterName(device),
    vendor: adapter.vendor,
    architecture: adapter.architecture,
    description: adapter.description,
    software: adapter.software,
    chosen: io.env.ONESTAGE_ADAPTER_CHOSEN ?? null,
    reason: io.env.ONESTAGE_ADAPTER_REASON ?? null,
    features: [...gpu.features].sort(),
    subgroupMatrix: subgroupMatrix(device, io),
    limits: Object.fromEntries(LIMITS.map((name) => [name, gpu.limits[name]])),
    memory: { total: machineMemory(), free: freemem(), budget: finite(device.pool.budget) },
    versions: { onestage: VERSION, node: process.versions.node, webgpu: packageVersion("webgpu") },
    platform: `${process.platform} ${process.arch}`,
  };
  if (json) {
    io.out(`${JSON.stringify(facts)}\n`);
    return;
  }
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const why = facts.chosen ? `${facts.chosen} (${facts.reason})` : "by the system (not started by the launcher)";
  const rows: [string, string][] = [
    ["adapter", `${facts.adapter}, opened in ${duration(seconds)}`],
    ["vendor", `${facts.vendor} ${facts.architecture}`.trim() || "unknown"],
    ["kind", facts.software ? "software: the processor computes" : "a GPU"],
    ["chosen", why],
    ["features", facts.features.join(", ") || "none"],
    ["subgroup matrices", facts.subgroupMatrix],
    ...LIMITS.map((name): [string, string] => [name, String(facts.limits[name])]),
    ["memory", `${mebibytes(facts.memory.free)} free of ${mebibytes(facts.memory.total)}`],
    [
      "versions",
      Object.entries(facts.versions)
        .map(([name, version]) => `${name} ${version ?? "none"}`)
        .join(", "),
    ],
    ["platform", facts.platform],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  io.out(`${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n")}\n`);
}

/** Whether matrix units are in use; an adapter does not say that it has them until it is asked. */
function subgroupMatrix(device: GpuDevice, { env }: Io): string {
  if (device.gpu.features.has(SUBGROUP_MATRIX)) {
    const products = matrixConfigs(device).map(
      ({ componentType, resultComponentType, M, N, K }) => `${componentType} to ${resultComponentType} ${M}×${N}×${K}`,
    );
    return `on: ${products.join(", ") || "no products listed"}`;
  }
  return deviceOptions(env).subgroupMatrix ? "not offered by this adapter" : "off (ONESTAGE_SUBGROUP_MATRIX=1 asks)";
}

function finite(bytes: number): number | null {
  return Number.isFinite(bytes) ? bytes : null;
}

/** Version of an installed package, null if it is not there. */
export function packageVersion(name: string): string | null {
  // Looked up by hand: packages need not export their package.json.
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(`${folder}/${name}/package.json`, "utf8")) as { version: string }).version;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
