import type { GpuDevice } from "../src/tensor/device.ts";
import type { Work } from "./timing.ts";

/** Something that the bench measures. */
export interface Case {
  /** What it does and at which shape; --filter looks for its words in here and in `group`. */
  name: string;
  group: "kernel" | "train" | "infer";
  /** Cases of one block are measured beside each other, round by round. */
  block: string;
  /** Floating-point operations of one run, by the definition of the op (not by what a kernel saves); null if unknown. */
  flops: number | null;
  /** Bytes that one run must move at least: every input read once, every output written once; null if unknown. */
  bytes: number | null;
  /** Makes what the work reads and compiles nothing yet. */
  prepare(device: GpuDevice): Prepared | Promise<Prepared>;
}

/** A case ready to run. */
export interface Prepared extends Work {
  /** Floating-point operations of one run where only running it tells. */
  flops?: number;
  /** Bytes of GPU memory where they were planned beforehand; else the peak of live bytes is measured. */
  memory?: { planned: number; naive: number };
}

/** Whether every word of a filter is in a case's name or group, in any order; letter case does not matter. */
export function matches({ name, group }: Pick<Case, "name" | "group">, filter: string): boolean {
  const text = `${group} ${name}`.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** The blocks of a list of cases, in order. */
export function blocks(cases: readonly Case[]): Case[][] {
  return [...new Set(cases.map(({ block }) => block))].map((block) => cases.filter((one) => one.block === block));
}
