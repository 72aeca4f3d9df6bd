import type { GpuDevice } from "./device.ts";

// The numeric values of GPUBufferUsage and GPUMapMode, which Node has no global for.
const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const MAP_READ = 0x01;
const READ_MODE = 0x01;
// WebGPU's bound for one query set, and the size of one timestamp in bytes.
const SET = 4096;
const STAMP = 8;

/** Any number of timestamp queries, in as few sets as WebGPU allows, resolved and read together. */
export class Queries {
  readonly #sets: GPUQuerySet[] = [];
  readonly #resolved: GPUBuffer;
  readonly #reader: GPUBuffer;

  constructor(
    private readonly device: GpuDevice,
    readonly count: number,
  ) {
    const { gpu } = device;
    for (let at = 0; at < count; at += SET) {
      this.#sets.push(gpu.createQuerySet({ type: "timestamp", count: Math.min(SET, count - at) }));
    }
    const size = STAMP * Math.max(1, count);
    this.#resolved = gpu.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    this.#reader = gpu.createBuffer({ size, usage: COPY_DST | MAP_READ });
  }

  /** Where a query is: its set, and its index there. */
  at(query: number): { set: GPUQuerySet; index: number } {
    return { set: this.#sets[Math.floor(query / SET)]!, index: query % SET };
  }

  /** Encodes what makes all timestamps readable; at the end of what they measure. */
  resolve(encoder: GPUCommandEncoder): void {
    for (const [i, set] of this.#sets.entries())
      encoder.resolveQuerySet(set, 0, set.count, this.#resolved, i * SET * STAMP);
    if (this.count > 0) encoder.copyBufferToBuffer(this.#resolved, 0, this.#reader, 0, STAMP * this.count);
  }

  /** The timestamps of the last submission in seconds since the first of them; waits for the GPU. @throws what it has reported. */
  async read(): Promise<Float64Array> {
    await this.device.mapped(this.#reader.mapAsync(READ_MODE));
    const stamps = new BigUint64Array(this.#reader.getMappedRange(), 0, this.count);
    const origin = stamps[0] ?? 0n;
    const seconds = Float64Array.from(stamps, (stamp) => Number(stamp - origin) / 1e9);
    this.#reader.unmap();
    return seconds;
  }

  /** Frees everything. */
  dispose(): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved.destroy();
    this.#reader.destroy();
  }
}
