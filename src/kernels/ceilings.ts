import copySource from "../../shaders/copy_bandwidth.wgsl";
import fmaSource from "../../shaders/fma_peak.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import { Stopwatch, type TimeSource } from "../tensor/timing.ts";
import { fill } from "./strided.ts";

const fmaKernel = defineKernel({
  name: "fma_peak",
  source: fmaSource,
  include: [gridLib],
  bindings: { y: "write" },
  params: { n: "u32", steps: "u32", factor: "f32", addend: "f32" },
});

const copyKernel = defineKernel({
  name: "copy_bandwidth",
  source: copySource,
  include: [gridLib],
  bindings: { x: "read", y: "write" },
  params: { first: "u32", end: "u32", lanes: "u32", each: "u32" },
});

/** What an adapter can do at most, as measured on it: the best round of each kind, since disturbances only slow down. */
export interface Ceilings {
  /** Floating-point operations a second in f32; a fused multiply-add is two. */
  flops: number;
  /** Bytes a second, read and written together, of a copy too large for a cache. */
  bytes: number;
  /** Seconds that a dispatch with next to nothing to do takes behind another one. */
  dispatch: number;
  /** The figures of all rounds. */
  rounds: { flops: number[]; bytes: number[]; dispatch: number[] };
  source: TimeSource;
}

// Threads that fill a large GPU; the first try, of so few and so long ones that starting them costs little on a CPU; and
// what each does in one step: 12 chains of 8 links.
const THREADS = 262144;
const FIRST = { n: 2048, steps: 256 };
const OPERATIONS = 2 * 12 * 8;
// Bytes of the copied buffer: more than the caches of most adapters hold.
const MEBIBYTE = 2 ** 20;
const COPIED = 128 * MEBIBYTE;
// Ways through memory: neighbouring threads side by side as GPUs like it, or few lanes along a long block as CPUs do.
const WALKS = [
  { lanes: 64, each: 1 },
  { lanes: 64, each: 4 },
  { lanes: 8, each: 64 },
] as const;
// A round is short, in seconds, so that some escape what else the machine does. A slow adapter copies another slice of
// the buffer in each.
const ROUND = 0.002;
const SLICES = 16;
const FEWEST = 8;
const DISPATCHES = 32;

/**
 * Measures the arithmetic and memory ceilings of a device: interleaved rounds of some milliseconds each for about
 * `seconds` (one by default), at least eight, after a warm-up.
 */
export async function measureCeilings(device: GpuDevice, { seconds = 1 } = {}): Promise<Ceilings> {
  const { maxBufferSize, maxStorageBufferBindingSize } = device.gpu.limits;
  const vectors = Math.floor(Math.min(COPIED, maxBufferSize, maxStorageBufferBindingSize) / MEBIBYTE) * (MEBIBYTE / 16);
  const sizes = [THREADS, 4 * vectors, 4 * vectors];
  // Frees those that were made where there is no memory for all.
  const [sums, x, y] = scope(() => sizes.map((size) => device.empty([size], "ceilings"))) as [Tensor, Tensor, Tensor];
  const stopwatch = new Stopwatch(device);
  const arithmetic = async ({ n, steps }: typeof FIRST) => {
    const params = { n, steps, factor: 0.5, addend: 0.5 };
    const took = await stopwatch.time(() => fmaKernel.run(device, { y: sums }, params, { threads: n }));
    return { took, rate: (steps * OPERATIONS * n) / took };
  };
  const empty = async () => {
    const params = { n: 1, steps: 1, factor: 0.5, addend: 0.5 };
    const took = await stopwatch.time(() => {
      for (let i = 0; i < DISPATCHES; i++) fmaKernel.run(device, { y: sums }, params, { threads: 1 });
    });
    return took / DISPATCHES;
  };
  let next = 0;
  const copies = async (walk: (typeof WALKS)[number], slices: number, times: number) => {
    const length = vectors / slices;
    const took = await stopwatch.time(() => {
      for (let i = 0; i < times; i++) {
        const first = (next++ % slices) * length;
        const threads = Math.ceil(length / walk.each);
        copyKernel.run(device, { x, y }, { first, end: first + length, ...walk }, { threads });
      }
    });
    return { took, rate: (times * 32 * length) / took };
  };
  try {
    // The first runs compile and touch the memory.
    fill(device, x, 1);
    fill(device, y, 1);
    await arithmetic(FIRST);
    await copies(WALKS[0], SLICES, 1);
    const more = ROUND / (await arithmetic(FIRST)).took;
    const n = Math.min(THREADS, FIRST.n * 2 ** Math.max(0, Math.ceil(Math.log2(more))));
    const steps = Math.max(FIRST.steps, Math.ceil((FIRST.steps * FIRST.n * more) / n));
    const { took } = await copies(WALKS[0], SLICES, 1);
    const slices = SLICES * took < ROUND ? 1 : SLICES;
    const times = Math.ceil((ROUND * slices) / SLICES / took);
    const rounds = { flops: [] as number[], bytes: [] as number[], dispatch: [] as number[] };
    const began = performance.now();
    while (rounds.flops.length < FEWEST || performance.now() - began < 1000 * seconds) {
      rounds.flops.push((await arithmetic({ n, steps })).rate);
      rounds.dispatch.push(await empty());
      for (const walk of WALKS) rounds.bytes.push((await copies(walk, slices, times)).rate);
    }
    return {
      flops: Math.max(...rounds.flops),
      bytes: Math.max(...rounds.bytes),
      dispatch: Math.min(...rounds.dispatch),
      rounds,
      source: stopwatch.source,
    };
  } finally {
    stopwatch.dispose();
    for (const tensor of [sums, x, y]) tensor.dispose();
    // Nobody else needs buffers of that size.
    device.trim();
  }
}
