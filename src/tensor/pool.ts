import { OutOfMemoryError } from "./errors.ts";
import type { Held } from "./tensor.ts";

/** What the buffer of a tensor is for: the numeric values of GPUBufferUsage, which Node has no global for. */
export const tensorUsage = { STORAGE: 0x80, COPY_SRC: 0x04, COPY_DST: 0x08 } as const;

/** What the pool holds, in bytes and buffers. */
export interface MemoryUse {
  liveBytes: number;
  liveBuffers: number;
  pooledBytes: number;
  peakBytes: number;
  created: number;
}

let nextId = 1;

/** A number that no other storage has had. */
export function newStorageId(): number {
  return nextId++;
}

/** A range of a GPU buffer with a reference count, offset and length in bytes; `id` names it in bind-group caches. */
export interface Storage extends Held {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly id: number;
  retain(): Storage;
}

/** A whole buffer of the pool. */
export class PooledStorage implements Storage {
  readonly offset = 0;
  readonly id = newStorageId();
  #references = 1;
  constructor(
    readonly pool: Pool,
    readonly buffer: GPUBuffer,
    readonly bytes: number,
  ) {}

  /** One more tensor uses this buffer. */
  retain(): this {
    this.#references++;
    return this;
  }

  /** One tensor less; the last one gives the buffer back to the pool. */
  release(): void {
    if (--this.#references === 0) this.pool.giveBack(this);
  }
}

/** A part of another storage, which lives as long as its parts: `offset` (a multiple of 256) and `bytes` within it. */
export class StorageSlice implements Storage {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly id = newStorageId();
  #references = 1;
  constructor(
    private readonly whole: Storage,
    offset: number,
    readonly bytes: number,
  ) {
    this.buffer = whole.buffer;
    this.offset = whole.offset + offset;
    whole.retain();
  }

  /** One more tensor uses this part. */
  retain(): this {
    this.#references++;
    return this;
  }

  /** One tensor less; the last one lets the whole go. */
  release(): void {
    if (--this.#references === 0) this.whole.release();
  }
}

/** Makes every storage buffer, reuses freed ones of the same size, and counts bytes exactly. */
export class Pool {
  #free = new Map<number, PooledStorage[]>();
  #made = new Set<GPUBuffer>();
  #use: MemoryUse = {
    liveBytes: 0,
    liveBuffers: 0,
    pooledBytes: 0,
    peakBytes: 0,
    created: 0,
  };
  /** Upper bound of live bytes; a request beyond it fails as if the GPU were full. */
  budget = Number.POSITIVE_INFINITY;

  constructor(private readonly device: GPUDevice) {}

  /**
   * A buffer of at least `bytes` bytes with undefined content.
   * @throws OutOfMemoryError if it exceeds the adapter's limits or the budget.
   */
  acquire(bytes: number, op: string): PooledStorage {
    const rounded = this.roundedBytes(bytes, op);
    if (this.#use.liveBytes + rounded > this.budget) {
      throw new OutOfMemoryError(
        `${op}: expected at most ${mebibytes(this.budget)} of live GPU memory, got ${mebibytes(this.#use.liveBytes)} live and ${mebibytes(bytes)} more asked; use a smaller batch or image`,
      );
    }
    let storage = this.#free.get(rounded)?.pop();
    if (storage) {
      this.#use.pooledBytes -= rounded;
      storage.retain();
    } else {
      const buffer = this.device.createBuffer({
        size: rounded,
        usage: tensorUsage.STORAGE | tensorUsage.COPY_SRC | tensorUsage.COPY_DST,
      });
      storage = new PooledStorage(this, buffer, rounded);
      this.#made.add(buffer);
      this.#use.created++;
    }
    this.#use.liveBytes += rounded;
    this.#use.liveBuffers++;
    this.#use.peakBytes = Math.max(this.#use.peakBytes, this.#use.liveBytes);
    return storage;
  }

  /**
   * The size of the buffer that so many bytes take.
   * @throws OutOfMemoryError if it exceeds the adapter's limits.
   */
  roundedBytes(bytes: number, op: string): number {
    const rounded = Math.max(256, Math.ceil(bytes / 256) * 256);
    const limit = Math.min(this.device.limits.maxBufferSize, this.device.limits.maxStorageBufferBindingSize);
    if (rounded <= limit) return rounded;
    throw new OutOfMemoryError(
      `${op}: expected a tensor of at most ${mebibytes(limit)} (this adapter's limit for one buffer), got ${mebibytes(bytes)}; use a smaller batch or image`,
    );
  }

  /** Called by a storage whose last user is gone. */
  giveBack(storage: PooledStorage): void {
    const list = this.#free.get(storage.bytes);
    if (list) list.push(storage);
    else this.#free.set(storage.bytes, [storage]);
    this.#use.liveBytes -= storage.bytes;
    this.#use.liveBuffers--;
    this.#use.pooledBytes += storage.bytes;
  }

  /** Destroys the buffers nobody uses. */
  trim(): void {
    for (const { buffer } of [...this.#free.values()].flat()) {
      buffer.destroy();
      this.#made.delete(buffer);
    }
    this.#free.clear();
    this.#use.pooledBytes = 0;
  }

  /** Destroys all buffers, also those that tensors use. */
  destroy(): void {
    this.trim();
    for (const buffer of this.#made) buffer.destroy();
    this.#made.clear();
  }

  /** Exact counters; `peakBytes` is the highest `liveBytes` since the last call of `resetPeak`. */
  memory(): Readonly<MemoryUse> {
    return { ...this.#use };
  }

  /** Starts a new measurement of the peak. */
  resetPeak(): void {
    this.#use.peakBytes = this.#use.liveBytes;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1048576).toFixed(1)} MiB`;
}
