import type { GpuDevice } from "../src/tensor/device.ts";
import { Queries } from "../src/tensor/queries.ts";
import { type Summary, summarise } from "./statistics.ts";

// A sample lasts at least so long (ms), so that what surrounds it does not count; repetitions make up for short work.
const SAMPLE = 10;
const MOST_REPEATS = 200;
// So many dispatches fit into one submit: their parameters share one buffer, which is written once a submit.
const MOST_DISPATCHES = 250;
const LEAST_ROUNDS = 3;
// Shorter waits are not worth a timer (ms).
const SHORT = 4;

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

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
  readonly #queries: Queries | null;

  constructor(private readonly device: GpuDevice) {
    this.#queries = device.gpu.features.has("timestamp-query") ? new Queries(device, 2) : null;
  }

  /**
   * Runs `body` so many times and waits for the GPU: times of one run. `expected`: milliseconds the whole will take;
   * `together`: whether all its work fits into one submit.
   */
  async sample(body: () => void, repeats: number, expected = 0, together = false): Promise<Sample> {
    const { device } = this;
    await device.sync();
    const work = () => {
      for (let i = 0; i < repeats; i++) body();
      device.stream.flush();
    };
    const began = performance.now();
    if (this.#queries) this.#between(work, together);
    else work();
    const host = performance.now() - began;
    // While a promise of the GPU is pending, Dawn polls without rest, which takes a core from an adapter on the CPU.
    const rest = 0.8 * expected - host;
    if (device.adapter.software && rest > SHORT) await sleep(rest);
    const seconds = await this.#queries?.read();
    const marks = seconds ? 1000 * (seconds[1]! - seconds[0]!) : null;
    if (marks === null) await device.sync();
    const wall = performance.now() - began;
    device.check();
    return { wall: wall / repeats, gpu: marks === null ? null : marks / repeats, host: host / repeats };
  }

  /**
   * Puts a timestamp before and after what `work` submits. What fits into one submit goes with both timestamps in one, so
   * that no time of JavaScript's or the driver's lies between them.
   */
  #between(work: () => void, together: boolean): void {
    const { queue } = this.device.gpu;
    const submit = queue.submit.bind(queue);
    if (!together) {
      submit([this.#mark(0)]);
      work();
      submit([this.#mark(1)]);
      return;
    }
    const before = this.#mark(0);
    const after = this.#mark(1);
    const held: GPUCommandBuffer[] = [];
    const own = Object.getOwnPropertyDescriptor(queue, "submit");
    const hold = (buffers: Iterable<GPUCommandBuffer>) => void held.push(...buffers);
    Object.defineProperty(queue, "submit", { configurable: true, writable: true, value: hold });
    try {
      work();
    } finally {
      if (own) Object.defineProperty(queue, "submit", own);
      else Reflect.deleteProperty(queue, "submit");
    }
    submit([before, ...held, after]);
  }

  /** An empty pass whose end is a timestamp: everything before it has ended by then. */
  #mark(query: 0 | 1): GPUCommandBuffer {
    const { set, index } = this.#queries!.at(query);
    const encoder = this.device.gpu.createCommandEncoder();
    encoder.beginComputePass({ timestampWrites: { querySet: set, endOfPassWriteIndex: index } }).end();
    if (query === 1) this.#queries!.resolve(encoder);
    return encoder.finish();
  }

  /** Dispatches that the device was given so far. */
  get dispatches(): number {
    return this.device.stream.counters.dispatches;
  }

  /** Frees the queries. */
  dispose(): void {
    this.#queries?.dispose();
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
    const before = timer.dispatches;
    const warm = await timer.sample(() => work.run(), 1);
    const fitting = Math.floor(MOST_DISPATCHES / Math.max(1, timer.dispatches - before));
    const most = fitting > 0 ? Math.min(MOST_REPEATS, fitting) : MOST_REPEATS;
    const repeats = Math.max(1, Math.min(most, Math.ceil(SAMPLE / warm.wall)));
    const rounds = Math.max(LEAST_ROUNDS, Math.min(effort.rounds, Math.floor(effort.budget / (warm.wall * repeats))));
    const samples: Sample[] = [];
    runs.push({ work, first: first.wall, repeats, rounds, samples, expected: warm.wall, together: fitting > 0 });
  }
  for (let round = 0; round < effort.rounds; round++) {
    for (const run of runs) {
      if (round >= run.rounds) continue;
      effort.check?.();
      const { work, repeats, together } = run;
      const sample = await timer.sample(() => work.run(), repeats, run.expected * repeats, together);
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
