import type { GpuDevice } from "./device.ts";
import { Queries } from "./queries.ts";

/** What a time was read from: the GPU's own clock, or the host's, from submission until the GPU is done. */
export type TimeSource = "timestamps" | "wall time";

/** Measures how long the GPU takes for what a function dispatches: by timestamps where the device has them. */
export class Stopwatch {
  readonly source: TimeSource;
  readonly #queries: Queries | null;

  constructor(private readonly device: GpuDevice) {
    this.source = device.gpu.features.has("timestamp-query") ? "timestamps" : "wall time";
    this.#queries = this.source === "timestamps" ? new Queries(device, 2) : null;
  }

  /** Seconds the GPU takes for the work that `body` gives to the device's stream; waits for it. */
  async time(body: () => void): Promise<number> {
    await this.device.sync();
    const began = performance.now();
    this.#mark(0);
    body();
    if (!this.#queries) {
      await this.device.sync();
      return (performance.now() - began) / 1000;
    }
    this.device.stream.flush();
    this.#mark(1);
    const [begin, end] = await this.#queries.read();
    return end! - begin!;
  }

  /** Submits an empty pass whose end is the timestamp: all that was submitted before has ended by then. */
  #mark(query: 0 | 1): void {
    if (!this.#queries) return;
    const { gpu } = this.device;
    const { set, index } = this.#queries.at(query);
    const encoder = gpu.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: { querySet: set, endOfPassWriteIndex: index } }).end();
    if (query === 1) this.#queries.resolve(encoder);
    gpu.queue.submit([encoder.finish()]);
  }

  /** Frees what the measurements need. */
  dispose(): void {
    this.#queries?.dispose();
  }
}
