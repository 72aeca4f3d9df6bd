import { NoAdapterError } from "./errors.ts";

// Dawn aborts the process when the object made by create() is collected while a device lives, so every one is held here.
const held = new Set<GPU>();

/** What Dawn is started with. Exact timestamps: it rounds them to 65.5 µs otherwise. */
export const dawnToggles: readonly string[] = ["disable-dawn-features=timestamp_quantization"];

/** Whether waiting for the GPU keeps this thread busy. Dawn polls from the event loop while a promise of the GPU is pending. */
export const pollsWhileWaiting: boolean = true;

/**
 * The WebGPU entry point of this platform: Dawn through the optional package `webgpu`.
 * @throws NoAdapterError if the package is not installed or does not run here.
 */
export async function openGpu(): Promise<GPU> {
  let create: (flags: string[]) => GPU;
  try {
    ({ create } = (await import("webgpu")) as unknown as {
      create: (flags: string[]) => GPU;
    });
  } catch (cause) {
    throw new NoAdapterError(
      `WebGPU in Node needs the package "webgpu" (npm install webgpu): expected it to load, got: ${(cause as Error).message}`,
    );
  }
  const gpu = create([...dawnToggles]);
  held.add(gpu);
  return gpu;
}
