import { GpuDevice } from "../../src/tensor/device.ts";
import { DeviceLostError, GpuError } from "../../src/tensor/errors.ts";

// So many devices lost within so many milliseconds are too many.
const MOST_LOST = 3;
const WINDOW_MS = 10 * 60 * 1000;
// How long a device may take to say that it is lost, in milliseconds.
const LATE_MS = 3000;

/** Keeps one GPU device open, and another one after it was lost, but not again and again. */
export class DeviceKeeper {
  #device: Promise<GpuDevice> | null = null;
  #lost: number[] = [];

  /** The device. @throws NoAdapterError | DeviceLostError if there is none, or too many were lost */
  async get(): Promise<GpuDevice> {
    for (;;) {
      this.#device ??= GpuDevice.open();
      const opening = this.#device;
      const device = await opening.catch((error) => {
        if (this.#device === opening) this.#device = null;
        throw error;
      });
      try {
        device.check();
        return device;
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error;
        // Of several who wait for it only the first opens another one.
        if (this.#device !== opening) continue;
        this.#device = null;
        this.#count(error);
      }
    }
  }

  /** Another device in the place of the one before, which is closed: nothing is compiled on it yet. */
  async fresh(): Promise<GpuDevice> {
    const before = this.#device;
    this.#device = null;
    (await before?.catch(() => null))?.close();
    return this.get();
  }

  /**
   * Runs `body` with the device, and with another one after each loss.
   * @throws DeviceLostError if too many were lost, and what `body` throws
   */
  async keeping<T>(body: (device: GpuDevice) => Promise<T>, onLost: (error: Error) => void = () => {}): Promise<T> {
    for (;;) {
      const device = await this.get();
      try {
        return await body(device);
      } catch (error) {
        if (!(error instanceof DeviceLostError || (error instanceof GpuError && (await isLost(device))))) throw error;
        onLost(error);
      }
    }
  }

  /** Destroys the device as if it were lost. */
  async lose(): Promise<void> {
    (await this.#device)?.gpu.destroy();
  }

  #count(error: DeviceLostError): void {
    const now = Date.now();
    this.#lost = [...this.#lost.filter((time) => now - time < WINDOW_MS), now];
    if (this.#lost.length <= MOST_LOST) return;
    this.#lost = [];
    throw new DeviceLostError(
      `the GPU device was lost ${MOST_LOST + 1} times in ten minutes; try smaller images or batches (${error.message})`,
    );
  }
}

/** Whether a device is lost: what it was doing may fail a while before it says so. */
function isLost({ gpu }: GpuDevice): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), LATE_MS));
  return Promise.race([gpu.lost.then(() => true), later]);
}
