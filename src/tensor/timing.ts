import type { GpuDevice } from "./device.ts";

// The numeric values of GPUBufferUsage and GPUMapMode, which Node has no global for.
const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const MAP_READ = 0x01;
const READ_MODE = 0x01;

/** What a time was read from: the GPU's own clock, or the host's, from submission until the GPU is done. */
export type TimeSource = "timestamps" | "wall time";

/** Measures how long the GPU takes for what a function dispatches: by timestamps where the device has them. */
export class Stopwatch {
  readonly source: TimeSource;
  readonly #marks: Marks | null;

  constructor(private readonly device: GpuDevice) {
    const { gpu } = device;
    this.source = gpu.features.has("timestamp-query") ? "timestamps" : "wall time";
    this.#marks = this.source === "timestamps" ? new Marks(gpu) : null;
  }

  /** Seconds the GPU takes for the work that `body` gives to the device's stream; waits for it. */
  async time(body: () => void): Promise<number> {
    await this.device.sync();
    const began = performance.now();
    this.#marks?.set(0);
    body();
    if (!this.#marks) {
      await this.device.sync();
      return (performance.now() - began) / 1000;
    }
    this.device.stream.flush();
    this.#marks.set(1);
    const seconds = await this.#marks.seconds();
    this.device.check();
    return seconds;
  }

  /** Frees what the measurements need. */
  dispose(): void {
    this.#marks?.dispose();
  }
}

/** Two timestamps between submissions. */
class Marks {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #reader: GPUBuffer;

  constructor(private readonly gpu: GPUDevice) {
    this.#queries = gpu.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = gpu.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#reader = gpu.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
  }

  /** Submits an empty pass whose end is the timestamp: all that was submitted before has ended by then. */
  set(index: 0 | 1): void {
    const encoder = this.gpu.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: { querySet: this.#queries, endOfPassWriteIndex: index } }).end();
    this.gpu.queue.submit([encoder.finish()]);
  }

  /** Seconds between the two. */
  async seconds(): Promise<number> {
    const encoder = this.gpu.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#reader, 0, 16);
    this.gpu.queue.submit([encoder.finish()]);
    await this.#reader.mapAsync(READ_MODE);
    const [begin, end] = new BigUint64Array(this.#reader.getMappedRange());
    this.#reader.unmap();
    return Number(end! - begin!) / 1e9;
  }

  dispose(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#reader.destroy();
  }
}
