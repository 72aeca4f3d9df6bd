import { NoAdapterError } from "./errors.ts";

/** Whether waiting for the GPU keeps this thread busy. The browser waits in another process. */
export const pollsWhileWaiting: boolean = false;

/** Waits for what the GPU has promised; there is nothing to rest from. */
export const waitResting = <T>(promised: Promise<T>, _milliseconds: number): Promise<T> => promised;

/**
 * The WebGPU entry point of this platform: the browser's own; whether it has experimental features is said when it is started.
 * @throws NoAdapterError if the browser has no WebGPU.
 */
export async function openGpu(_experimental = false): Promise<GPU> {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu) {
    throw new NoAdapterError(
      "WebGPU: expected navigator.gpu in this browser, got none (secure context? recent browser?)",
    );
  }
  return gpu;
}
