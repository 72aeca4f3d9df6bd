import { pollsWhileWaiting, waitResting } from "#gpu";
import { bindGroup, type Commands, type Copy, type Dispatch, encodeCopy, type Layout, SLOT } from "./command.ts";
import type { Storage } from "./pool.ts";

const UNIFORM = 0x40;
const COPY_DST = 0x08;
const MAP_READ = 0x01;
const READ_MODE = 0x01;
const ARENA_BYTES = 65536;
// Entries that either cache may hold before it starts anew.
const MAX_CACHED = 20000;
// Buffers that are kept to be read through.
const MAX_READERS = 8;
// Waits shorter than this are not worth a timer; from the other on, oversleeping costs more than polling. In milliseconds.
const SHORT = 1;
const LONG = 20;
// Share of the expected time that a look for the end may come late, and the longest rest between two looks in milliseconds.
const LATE = 0.01;
const LONGEST_REST = 2;

/**
 * Collects dispatches into one compute pass and submits them together: creating bind groups and passes is what costs
 * on the host, so bind groups are cached, and all parameters of a batch go into one uniform buffer written once.
 */
export class CommandStream implements Commands {
  #encoder: GPUCommandEncoder | null = null;
  #pass: GPUComputePassEncoder | null = null;
  #staging = new Uint8Array(ARENA_BYTES);
  #used = 0;
  #arena: GPUBuffer;
  #groups = new Map<string, GPUBindGroup>();
  #readers: GPUBuffer[] = [];
  // How long the work before a read took last time, in milliseconds, by its number of dispatches.
  #durations = new Map<number, number>();
  #waited = 0;
  /** Dispatches, submits and bind groups made so far. */
  readonly counters = { dispatches: 0, submits: 0, bindGroups: 0 };

  constructor(private readonly gpu: GPUDevice) {
    this.#arena = gpu.createBuffer({
      size: ARENA_BYTES,
      usage: UNIFORM | COPY_DST,
    });
  }

  dispatch({ pipeline, layout, buffers, params, groups }: Dispatch): void {
    if (this.#used + SLOT > ARENA_BYTES) this.flush();
    const offset = this.#used;
    this.#staging.set(params, offset);
    this.#used += SLOT;
    const pass = this.#beginPass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#group(layout, buffers), [offset]);
    pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
    this.counters.dispatches++;
  }

  copy(copy: Copy): void {
    this.#endPass();
    encodeCopy(this.#commands(), copy);
  }

  /** Submits what has been collected. */
  flush(): void {
    if (!this.#encoder) return;
    this.#endPass();
    if (this.#used > 0) this.gpu.queue.writeBuffer(this.#arena, 0, this.#staging, 0, this.#used);
    this.gpu.queue.submit([this.#encoder.finish()]);
    this.#encoder = null;
    this.#used = 0;
    this.counters.submits++;
  }

  /** Copies the first bytes of some buffers to the host, after everything collected so far, waiting once for all. */
  async read(sources: readonly { storage: Storage; bytes: number }[]): Promise<ArrayBuffer[]> {
    const total = sources.reduce((sum, { bytes }) => sum + bytes, 0);
    const size = Math.ceil(total / 256) * 256;
    const index = this.#readers.findIndex((reader) => reader.size === size);
    const reader =
      index >= 0 ? this.#readers.splice(index, 1)[0]! : this.gpu.createBuffer({ size, usage: MAP_READ | COPY_DST });
    let offset = 0;
    this.#endPass();
    for (const { storage, bytes } of sources) {
      this.#commands().copyBufferToBuffer(storage.buffer, storage.offset, reader, offset, bytes);
      offset += bytes;
    }
    this.flush();
    await this.#whenDone(() => reader.mapAsync(READ_MODE, 0, size));
    const mapped = reader.getMappedRange(0, size);
    let start = 0;
    const copies = sources.map(({ bytes }) => {
      start += bytes;
      return mapped.slice(start - bytes, start);
    });
    reader.unmap();
    // The sizes read last are kept: those of a training's steps, whatever was read before.
    this.#readers.push(reader);
    if (this.#readers.length > MAX_READERS) this.#readers.shift()!.destroy();
    return copies;
  }

  /** Waits until the GPU has done everything submitted so far. */
  async wait(): Promise<void> {
    this.flush();
    await this.#whenDone(() => this.gpu.queue.onSubmittedWorkDone());
  }

  /**
   * Waits for the GPU. Dawn's binding for Node polls without rest while a promise of the GPU's is pending, which takes a
   * processor core from an adapter that runs on the CPU; so most of the expected time is slept through first, and between
   * two looks behind that there is a rest.
   */
  async #whenDone(done: () => Promise<unknown>): Promise<void> {
    const work = this.counters.dispatches - this.#waited;
    this.#waited = this.counters.dispatches;
    const before = this.#durations.get(work);
    const started = performance.now();
    const long = before !== undefined && before > SHORT;
    if (pollsWhileWaiting && long) await new Promise((resolve) => setTimeout(resolve, 0.9 * before));
    const woken = performance.now();
    const promised = done();
    await (long ? waitResting(promised, Math.min(LATE * before, LONGEST_REST)) : promised);
    const ended = performance.now();
    if (this.#durations.size >= MAX_CACHED) this.#durations.clear();
    this.#durations.set(work, expectation(before, ended - started, ended - woken));
  }

  /** Submits what has been collected and destroys the buffers that it took to do so. */
  close(): void {
    this.flush();
    for (const buffer of [this.#arena, ...this.#readers]) buffer.destroy();
    this.#readers = [];
    this.#groups.clear();
  }

  #commands(): GPUCommandEncoder {
    this.#encoder ??= this.gpu.createCommandEncoder();
    return this.#encoder;
  }

  #beginPass(): GPUComputePassEncoder {
    this.#pass ??= this.#commands().beginComputePass();
    return this.#pass;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
  }

  #group(layout: Layout, buffers: readonly Storage[]): GPUBindGroup {
    let key = layout.name;
    // A program's result names the block that it lies in, but may be shorter.
    for (const { id, bytes } of buffers) key += `,${id}:${bytes}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = bindGroup(this.gpu, layout, buffers, this.#arena);
      if (this.#groups.size >= MAX_CACHED) this.#groups.clear();
      this.#groups.set(key, group);
      this.counters.bindGroups++;
    }
    return group;
  }
}

/**
 * How long the same work is expected to take next time, in milliseconds: what it took now, unless that says little. The
 * first time pipelines were compiled too; work that was done before we woke took less than we know; and a process that
 * was suspended must not sleep as long again.
 */
export function expectation(before: number | undefined, took: number, afterSleep: number): number {
  if (before === undefined) return 0;
  if (before <= SHORT) return Math.min(took, 1000);
  if (afterSleep < 1) return (before > LONG ? 0.5 : 0.9) * before;
  return Math.min(took, 1.5 * before);
}
