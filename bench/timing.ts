import { setTimeout as sleep } from "node:timers/promises";
import type { GpuDevice } from "../src/tensor/device.ts";
import { type Summary, summarise } from "./statistics.ts";

const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const MAP_READ = 0x01;
const READ_MODE = 0x01;

// A sample lasts at least so long (ms), so that what surrounds it does not count; repetitions make up for short work.
const SAMPLE = 10;
const MOST_REPEATS = 200;
const LEAST_ROUNDS = 3;
// Shorter waits are not worth a timer (ms).
const SHORT = 4;

/** Times of one run of a piece of work, in milliseconds. */
export interface Sample {
  /** From the first call until the GPU is done. */
  wall: number;
  /** Between two GPU timestamps; null without them. */
  gpu: number | null;
  /** JavaScript's part: from the first call until everything is submitted. */
  host: number;
}

/** Something to measure: `run` puts its work on the device's stream and frees what it makes. */
export interface Work {
  run(): void;
  dispose(): void;
}

/** What is known of a piece of work after measuring it. */
export interface Timing {
  /** The very first run, compiling included, in milliseconds. */
  first: number;
  wall: Summary;
  gpu: Summary | null;
  host: Summary;
}

/** How long and how often to measure. */
export interface Effort {
  /** Samples of each piece of work at most. */
  rounds: number;
  /** Milliseconds for each piece of work, about; three samples are taken however long they are. */
  budget: number;
  /** Called before each sample; it may throw to end everything. */
  check?(): void;
}

/** Measures work by wall time between two waits for the queue, and by GPU timestamps where the device has them. */
export class Timer {
  readonly #queries: GPUQuerySet | null = null;
  readonly #resolved: GPUBuffer | null = null;
  readonly #reader: GPUBuffer | null = null;

  constructor(private readonly device: GpuDevice) {
    const { gpu } = device;
    if (!gpu.features.has("timestamp-query")) return;
    this.#queries = gpu.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = gpu.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#reader = gpu.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
  }

  /** Runs `body` so many times and waits for the GPU: times of one run. `expected`: milliseconds the whole will take. */
  async sample(body: () => void, repeats: number, expected = 0): Promise<Sample> {
    const { device } = this;
    await device.sync();
    this.#mark(0);
    const began = performance.now();
    for (let i = 0; i < repeats; i++) body();
    device.stream.flush();
    const host = performance.now() - began;
    this.#mark(1);
    // While a promise of the GPU is pending, Dawn polls without rest, which takes a core from an adapter on the CPU.
    const rest = 0.8 * expected - host;
    if (device.adapter.software && rest > SHORT) await sleep(rest);
    const marks = this.#queries ? await this.#read() : null;
    if (!marks) await device.sync();
    const wall = performance.now() - began;
    device.check();
    return { wall: wall / repeats, gpu: marks && marks / repeats, host: host / repeats };
  }

  /** An empty pass whose end is a timestamp: everything submitted before it has ended by then. */
  #mark(index: 0 | 1): void {
    if (!this.#queries) return;
    const encoder = this.device.gpu.createCommandEncoder();
    const timestampWrites = { querySet: this.#queries, endOfPassWriteIndex: index };
    encoder.beginComputePass({ timestampWrites }).end();
    if (index === 1) {
      encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved!, 0);
      encoder.copyBufferToBuffer(this.#resolved!, 0, this.#reader!, 0, 16);
    }
    this.device.gpu.queue.submit([encoder.finish()]);
  }

  /** Milliseconds between both marks. */
  async #read(): Promise<number> {
    await this.#reader!.mapAsync(READ_MODE);
    const [begin, end] = new BigUint64Array(this.#reader!.getMappedRange().slice(0)) as unknown as [bigint, bigint];
    this.#reader!.unmap();
    return Number(end - begin) / 1e6;
  }

  dispose(): void {
    this.#queries?.destroy();
    this.#resolved?.destroy();
    this.#reader?.destroy();
  }
}

/**
 * Measures several pieces of work beside each other: after a warm-up each is sampled once a round (A B C, A B C, …), so
 * that whatever else the machine does hits all alike.
 */
export async function interleave(timer: Timer, works: readonly Work[], effort: Effort): Promise<Timing[]> {
  const runs = [];
  for (const work of works) {
    effort.check?.();
    const first = await timer.sample(() => work.run(), 1);
    const warm = await timer.sample(() => work.run(), 1);
    const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.ceil(SAMPLE / warm.wall)));
    const rounds = Math.max(LEAST_ROUNDS, Math.min(effort.rounds, Math.floor(effort.budget / (warm.wall * repeats))));
    runs.push({ work, first: first.wall, repeats, rounds, samples: [] as Sample[], expected: warm.wall });
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const run of runs) {
      if (round >= run.rounds) continue;
      effort.check?.();
      const sample = await timer.sample(() => run.work.run(), run.repeats, run.expected * run.repeats);
      run.samples.push(sample);
      // A wait that was slept through would never be seen to become shorter.
      run.expected = Math.min(run.expected, sample.gpu ?? sample.wall);
    }
  }
  return runs.map(({ first, samples }) => ({
    first,
    wall: summarise(samples.map(({ wall }) => wall)),
    gpu: samples[0]!.gpu === null ? null : summarise(samples.map(({ gpu }) => gpu!)),
    host: summarise(samples.map(({ host }) => host)),
  }));
}
