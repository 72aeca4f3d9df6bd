import { machineMemory } from "../data/node/machine.ts";
import { type DeviceOptions, GpuDevice } from "../tensor/device.ts";
import type { Io } from "./io.ts";

/** How the environment wants the device: ONESTAGE_SUBGROUP_MATRIX=1 asks for the adapter's matrix units. */
export function deviceOptions(env: Io["env"]): DeviceOptions {
  return { subgroupMatrix: env.ONESTAGE_SUBGROUP_MATRIX === "1" };
}

/** Opens the device of a process, as its environment wants it. @throws NoAdapterError if there is none. */
export async function openDevice(env: Io["env"]): Promise<GpuDevice> {
  const device = await GpuDevice.open(deviceOptions(env));
  // A software adapter's memory is the machine's own, which has other users.
  if (device.adapter.software) device.pool.budget = machineMemory() / 2;
  return device;
}
