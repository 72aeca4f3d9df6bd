import { NoAdapterError } from "./errors.ts";

// Dawn aborts the process when the object made by create() is collected while a device lives, so every one is held here.
const held = new Set<GPU>();

/**
 * What Dawn is started with. Exact timestamps: it rounds them to 65.5 µs otherwise. It hides experimental features unless told
 * that it may offer what is unsafe.
 */
export function dawnToggles(experimental = false): string[] {
  const exact = "disable-dawn-features=timestamp_quantization";
  return experimental ? [exact, "enable-dawn-features=allow_unsafe_apis"] : [exact];
}

/** Whether waiting for the GPU keeps this thread busy. Dawn polls from the event loop while a promise of the GPU is pending. */
export const pollsWhileWaiting: boolean = true;

// What nobody ever changes or wakes: waiting for it is resting.
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits for what the GPU has promised, with a rest of so many milliseconds between two looks: the time that Dawn would poll
 * through belongs to the GPU where that is this processor. Everything else of the event loop has its turn between two rests.
 */
export async function waitResting<T>(promised: Promise<T>, milliseconds: number): Promise<T> {
  let pending = true;
  const settled = promised.finally(() => {
    pending = false;
  });
  // Its failure is the caller's to see, not an unhandled one while this still rests.
  settled.catch(() => {});
  while (pending) {
    Atomics.wait(never, 0, 0, milliseconds);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
}

/**
 * The WebGPU entry point of this platform: Dawn through the optional package `webgpu`, with its `experimental` features or not.
 * @throws NoAdapterError if the package is not installed or does not run here.
 */
export async function openGpu(experimental = false): Promise<GPU> {
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
  const gpu = create(dawnToggles(experimental));
  held.add(gpu);
  return gpu;
}
