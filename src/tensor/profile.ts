import type { ProgramMemory } from "./program.ts";
import type { Shape } from "./shape.ts";
import type { TimeSource } from "./timing.ts";

/** One dispatch of a profiled step, or copies that follow one another; times in seconds. */
export interface Span {
  /** What it is for: see Origin. */
  op: string;
  gradient: boolean;
  layer: string;
  /** The op's shapes: inputs → output. */
  shape: string;
  /** The kernel with its specialisation, "copy" for copies. */
  kernel: string;
  /** Workgroups in x, y, z; zeros for copies. */
  groups: readonly [number, number, number];
  /** Median over the runs, the fastest run, and the very first one, which may have compiled something. */
  seconds: number;
  fastest: number;
  first: number;
  /** Floating-point operations by the op's definition, and bytes if every operand is moved once. */
  flops: number;
  bytes: number;
  /** When it ran in the run that is shown on a time line, since that run's beginning. */
  begin: number;
  end: number;
  /** Bytes of the step's tensors that were alive. */
  live: number;
}

/** What an adapter can do at most: floating-point operations and bytes a second, and seconds of an empty dispatch. */
export interface Limits {
  flops: number;
  bytes: number;
  dispatch: number;
}

/** How long one pipeline took to be made, in seconds. */
export interface CompileTime {
  kernel: string;
  /** Of the call that makes it, on the host. */
  create: number;
  /** Of its first dispatch beyond what the same dispatch took later: where drivers compile on first use. */
  firstUse: number;
}

/** Where the time of a recorded step goes; times in seconds. */
export interface Profile {
  /** What the times were read from, and what to know about them. */
  source: TimeSource;
  notes: string[];
  runs: number;
  limits: Limits | null;
  spans: Span[];
  /** Medians over the runs: a run as it is without profiling, and a profiled one from its first beginning to its last end. */
  plain: number;
  profiled: number;
  /** JavaScript of one run without profiling: encoding and submitting. */
  host: number;
  memory: ProgramMemory;
  compile: CompileTime[];
  /** When the host encoded the run on the time line, in seconds since the GPU began with it. */
  encoded: { begin: number; end: number };
}

/** What rows of a profile are: all gradients and all forward passes of an op, of a layer, of an op and a shape; or a kernel's. */
export type Grouping = "op" | "layer" | "shape" | "kernel";

/** The groupings there are. */
export const groupings: readonly Grouping[] = ["op", "layer", "shape", "kernel"];

/** Spans that belong together, added up. */
export interface Group {
  name: string;
  count: number;
  seconds: number;
  /** Part of the time of all spans. */
  share: number;
  flops: number;
  bytes: number;
  /** The least time that the limits allow, as a part of the time taken; null without limits. More than 1: a cache helped. */
  attained: number | null;
  /**
   * The limit that this least time is due to, or the cost of dispatching where a span takes less than two empty dispatches;
   * null without limits, or where nothing is counted.
   */
  bound: "compute" | "memory" | "dispatch" | null;
}

/** Adds up the spans of a profile by op, layer, shape or kernel; the longest first. */
export function groupSpans(spans: readonly Span[], by: Grouping, limits: Limits | null): Group[] {
  const members = new Map<string, Span[]>();
  for (const span of spans) {
    const name = nameOf(span, by);
    const list = members.get(name);
    if (list) list.push(span);
    else members.set(name, [span]);
  }
  const total = sum(spans, ({ seconds }) => seconds);
  return [...members]
    .map(([name, list]) => summary(name, list, total, limits))
    .sort((a, b) => b.seconds - a.seconds || (a.name < b.name ? -1 : 1));
}

/** All spans as one group. */
export function totalOf(spans: readonly Span[], limits: Limits | null): Group {
  return summary(
    "total",
    spans,
    sum(spans, ({ seconds }) => seconds),
    limits,
  );
}

function summary(name: string, spans: readonly Span[], total: number, limits: Limits | null): Group {
  const seconds = sum(spans, (span) => span.seconds);
  const { compute, memory } = leastTimes(spans, limits);
  const least = compute + memory;
  const idle = limits !== null && seconds < 2 * limits.dispatch * spans.length;
  return {
    name,
    count: spans.length,
    seconds,
    share: total > 0 ? seconds / total : 0,
    flops: sum(spans, ({ flops }) => flops),
    bytes: sum(spans, ({ bytes }) => bytes),
    attained: limits && seconds > 0 ? least / seconds : null,
    bound: least > 0 ? (idle ? "dispatch" : compute > memory ? "compute" : "memory") : null,
  };
}

/** The least seconds of spans: each by the limit that binds it, arithmetic or memory. */
function leastTimes(spans: readonly Span[], limits: Limits | null): { compute: number; memory: number } {
  const least = { compute: 0, memory: 0 };
  if (!limits) return least;
  for (const { flops, bytes } of spans) {
    const [compute, memory] = [flops / limits.flops, bytes / limits.bytes];
    if (compute > memory) least.compute += compute;
    else least.memory += memory;
  }
  return least;
}

function nameOf({ op, gradient, layer, shape, kernel }: Span, by: Grouping): string {
  const kind = gradient ? `${op} gradient` : op;
  if (by === "op") return kind;
  if (by === "layer") return layer || "(no layer)";
  return by === "shape" ? `${kind} ${shape}` : kernel;
}

/** An op's shapes in short: operands with at least two axes (or the first), and the result where it differs. */
export function showShapes(inputs: readonly Shape[], output: Shape): string {
  const show = (shape: Shape) => (shape.length === 0 ? "1" : shape.join("×"));
  const [first = "", ...others] = inputs.map(show);
  const weights = others.filter((text, i) => inputs[i + 1]!.length > 1 && text !== first);
  const operands = [first, ...new Set(weights)].filter(Boolean).join(" · ");
  const result = show(output);
  return result === first ? operands : `${operands} → ${result}`.trim();
}

/** The middle of some numbers, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}
