import { measureCeilings } from "../src/kernels/ceilings.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { blocks, type Case, type Prepared } from "./cases.ts";
import type { Ceilings, Row, Skipped } from "./result.ts";
import { type Effort, interleave, type Timer, type Work } from "./timing.ts";

// A case that could not take less than this (s) on an adapter is meant for faster ones.
const TOO_LONG = 0.15;

/** What the cases gave. */
export interface Measured {
  rows: Row[];
  skipped: Skipped[];
}

/** The adapter's ceilings, as this run measures them. */
export async function ceilingsOf(device: GpuDevice): Promise<Ceilings> {
  const { flops, bytes, source } = await measureCeilings(device);
  return { flops, bytes, source };
}

/** Splits the cases into those for an adapter with these ceilings and those that would take it too long. */
export function withinReach(cases: readonly Case[], { flops }: Ceilings): { chosen: Case[]; skipped: Skipped[] } {
  const least = (one: Case) => (one.flops ?? 0) / flops;
  return {
    chosen: cases.filter((one) => least(one) <= TOO_LONG),
    skipped: cases
      .filter((one) => least(one) > TOO_LONG)
      .map((one) => ({ name: one.name, reason: `at least ${least(one).toFixed(2)} s on this adapter` })),
  };
}

/** Measures cases, those of a block beside each other; `report` is called with each row when its block is done. */
export async function measureCases(
  device: GpuDevice,
  timer: Timer,
  cases: readonly Case[],
  effort: Effort,
  report: (row: Row) => void,
): Promise<void> {
  for (const block of blocks(cases)) {
    effort.check?.();
    const works: Prepared[] = [];
    const held: number[] = [];
    try {
      for (const one of block) {
        const before = device.pool.memory().liveBytes;
        works.push(await one.prepare(device));
        held.push(device.pool.memory().liveBytes - before);
      }
      const timings = await interleave(timer, works, effort);
      for (const [i, { name, group, block: blockName, flops, bytes }] of block.entries()) {
        const work = works[i]!;
        const { naive, planned } = work.memory ?? {};
        const { added, ...asked } = await usage(device, work);
        const peak = held[i]! + added;
        report({
          name,
          group,
          block: blockName,
          flops: flops ?? work.flops ?? null,
          bytes,
          ...timings[i]!,
          ...asked,
          memory: planned === undefined ? { peak } : { peak, planned, naive },
        });
      }
    } finally {
      for (const work of works) work.dispose();
      device.trim();
    }
  }
}

/** What one warm run asks of the device; `added` are bytes at most live beside those that are live between runs. */
export async function usage(
  device: GpuDevice,
  work: Work,
): Promise<{ dispatches: number; submits: number; buffers: number; added: number }> {
  await device.sync();
  const { dispatches, submits } = device.stream.counters;
  const { created, liveBytes } = device.pool.memory();
  device.pool.resetPeak();
  work.run();
  await device.sync();
  const { peakBytes, created: made } = device.pool.memory();
  return {
    dispatches: device.stream.counters.dispatches - dispatches,
    submits: device.stream.counters.submits - submits,
    buffers: made - created,
    added: peakBytes - liveBytes,
  };
}
