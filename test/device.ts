import { GpuDevice } from "../src/tensor/device.ts";

const holder = globalThis as { onestageTestDevice?: Promise<GpuDevice> };

/** The one device all tests of a worker share: compiling its pipelines is what costs. */
export function testDevice(): Promise<GpuDevice> {
  holder.onestageTestDevice ??= GpuDevice.open();
  return holder.onestageTestDevice;
}
