import { GpuDevice } from "../src/tensor/device.ts";

const holder = globalThis as { onestageTestDevice?: Promise<GpuDevice> };

/**
 * The one device all tests of a worker share: compiling its pipelines is what costs. ONESTAGE_SUBGROUP_MATRIX=1 asks for the
 * adapter's matrix units.
 */
export function testDevice(): Promise<GpuDevice> {
  holder.onestageTestDevice ??= GpuDevice.open({
    subgroupMatrix: globalThis.process?.env.ONESTAGE_SUBGROUP_MATRIX === "1",
  });
  return holder.onestageTestDevice;
}
