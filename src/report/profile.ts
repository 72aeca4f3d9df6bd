import { type Group, type Grouping, groupSpans, type Profile, type Span, totalOf } from "../tensor/profile.ts";
import { MISSING, percent } from "./format.ts";

/** What the table of a profile shows. */
export interface ProfileTableOptions {
  by: Grouping;
  /** The lines above: what was profiled, and on what. */
  title?: string[];
  /** Most rows of the table; the rest is one row. */
  rows?: number;
}

const SLOWEST = 8;
const COMPILED = 5;

/** The header of the rows that `groupCells` gives, the first of which says what a row is. */
export function groupHeader(by: Grouping): string[] {
  return [by, "ms", "%", "count", "GFLOP/s", "GB/s", "of ceiling", "bound by"];
}

/** Renders a profile for a terminal, without colours, ending in a newline. */
export function renderProfile(profile: Profile, { by, title = [], rows = 40 }: ProfileTableOptions): string {
  const { spans, limits } = profile;
  const groups = groupSpans(spans, by, limits);
  const shown = groups.slice(0, rows).map(groupCells);
  const left = groups.slice(rows);
  const rest = left.reduce((sum, { seconds }) => sum + seconds, 0);
  const others = [`${left.length} more`, ms(rest), percent(left.reduce((sum, { share }) => sum + share, 0))];
  const body = [...shown, ...(left.length > 0 ? [[...others, "", "", "", "", ""]] : [])];
  return [
    [...title, ...ceilings(profile)].join("\n"),
    columns([groupHeader(by), ...body, groupCells(totalOf(spans, limits))], { rules: [1, body.length + 1] }),
    `the slowest dispatches\n${slowest(profile)}`,
    columns(summary(profile), { left: 2 }),
    notes(profile, groups),
  ].join("\n\n");
}

function ceilings({ limits, source, runs }: Profile): string[] {
  const measured = limits
    ? [
        `ceilings of this adapter: ${giga(limits.flops)} GFLOP/s (fused multiply-adds), ${giga(limits.bytes)} GB/s (copy)`,
      ]
    : [];
  return [...measured, `times: ${source}, medians over ${runs} runs`];
}

/** One group as cells of a table. */
export function groupCells({ name, seconds, share, count, flops, bytes, attained, bound }: Group): string[] {
  const rate = (amount: number) => (amount > 0 && seconds > 0 ? giga(amount / seconds) : MISSING);
  const reached = attained !== null && bound ? percent(attained) : MISSING;
  return [name, ms(seconds), percent(share), String(count), rate(flops), rate(bytes), reached, bound ?? MISSING];
}

function slowest({ spans, limits }: Profile): string {
  const most = [...spans].sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const row = (span: Span) => {
    const { op, gradient, layer, shape, kernel } = span;
    const [, time, , , flops, bytes, reached] = groupCells(totalOf([span], limits));
    return [`${op}${gradient ? " gradient" : ""}`, time!, flops!, bytes!, reached!, layer || MISSING, shape, kernel];
  };
  const head = ["op", "ms", "GFLOP/s", "GB/s", "of ceiling", "layer", "shape", "kernel"];
  return columns([head, ...most.map(row)], { rules: [1], right: [1, 2, 3, 4] });
}

/** What else there is to know of the step: name, value and remark of each line. */
function summary({ spans, limits, plain, profiled, host, memory, compile }: Profile): string[][] {
  const added = spans.reduce((sum, { seconds }) => sum + seconds, 0);
  const dispatches = spans.filter(({ kernel }) => kernel !== "copy");
  const empty = limits
    ? `; as many empty ones would take ${ms(limits.dispatch * dispatches.length)} ms, ${micro(limits.dispatch)} µs each`
    : "";
  const created = compile.reduce((sum, { create }) => sum + create, 0);
  const used = compile.reduce((sum, { firstUse }) => sum + firstUse, 0);
  const worst = compile
    .slice(0, COMPILED)
    .map(({ kernel, create, firstUse }) => `${kernel} ${ms(create)} + ${ms(firstUse)}`);
  return [
    [
      "step",
      `${ms(plain)} ms on the GPU when not profiled; profiled ${ms(profiled)} ms, of which ${ms(added)} ms in dispatches`,
    ],
    ["dispatches", `${dispatches.length}${empty}`],
    [
      "JavaScript",
      `${ms(host)} ms a step to encode and submit, ${percent(plain > 0 ? host / plain : Number.NaN)} of it`,
    ],
    [
      "memory",
      `${mebibytes(memory.planned)} planned by lifetime; ${mebibytes(memory.naive)} with a buffer for each tensor, ${mebibytes(memory.leastPossible)} at the worst moment`,
    ],
    [
      "compiling",
      `${compile.length} pipelines: ${ms(created)} ms to make them, ${ms(used)} ms more at their first dispatch; the longest (ms): ${worst.join(", ")}`,
    ],
  ];
}

function notes({ notes: told }: Profile, groups: readonly Group[]): string {
  const cached = groups.some(({ attained }) => attained !== null && attained > 1);
  const above = "more than 100% of a ceiling: data stayed in a cache, or an algorithm saves operations (Winograd)";
  const all = [
    ...told,
    "operations are those of the op's definition, bytes are every operand of a kernel once",
    ...(cached ? [above] : []),
  ];
  return `${all.map((note) => `note: ${note}`).join("\n")}\n`;
}

/** Rows as aligned columns: the first to the left, and the last; numbers to the right; rules are drawn before some rows. */
function columns(
  rows: readonly (readonly string[])[],
  { rules = [], left = 1, right }: { rules?: number[]; left?: number; right?: number[] },
): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => [...row[i]!].length)));
  const toRight = (i: number) => (right ? right.includes(i) : i >= left && i < rows[0]!.length - 1);
  const pad = (text: string, i: number) =>
    toRight(i) ? " ".repeat(widths[i]! - [...text].length) + text : text + " ".repeat(widths[i]! - [...text].length);
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return rows.flatMap((row, i) => [...(rules.includes(i) ? [rule] : []), row.map(pad).join("  ").trimEnd()]).join("\n");
}

/** Milliseconds with three digits or more. */
function ms(seconds: number): string {
  const value = seconds * 1000;
  if (!Number.isFinite(value)) return MISSING;
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

function micro(seconds: number): string {
  return Number.isFinite(seconds) ? String(Number((seconds * 1e6).toPrecision(3))) : MISSING;
}

function giga(value: number): string {
  const scaled = value / 1e9;
  return scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
