import type { Comparison } from "./compare.ts";
import { adapterName, type Facts } from "./facts.ts";
import { attained, type Ceilings, judged, type PeerCaseResult, type Row, type ScalingCurve } from "./result.ts";
import { fitLine, median, noiseBand } from "./statistics.ts";

/** Stands where there is no number. */
const NONE = "–";

/** Milliseconds with three digits, in ns, µs, ms or s. */
export function time(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return NONE;
  for (const [size, unit] of [
    [1000, "s"],
    [1, "ms"],
    [1e-3, "µs"],
  ] as const) {
    if (Math.abs(milliseconds) >= size) return `${digits(milliseconds / size)} ${unit}`;
  }
  return `${digits(milliseconds * 1e6)} ns`;
}

/** A rate with three digits: 3.2e9 FLOP/s is "3.2 GFLOP/s". */
export function rate(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return NONE;
  return value >= 1e12 ? `${digits(value / 1e12)} T${unit}/s` : `${digits(value / 1e9)} G${unit}/s`;
}

/** Bytes in MiB. */
export function mebibytes(bytes: number | null | undefined): string {
  return bytes === null || bytes === undefined ? NONE : `${digits(bytes / 2 ** 20)} MiB`;
}

/** A share as whole per cent. */
export function percent(share: number | null): string {
  return share === null || !Number.isFinite(share) ? NONE : `${Math.round(share * 100)} %`;
}

function digits(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** Columns of text: the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  return `${rows.map((row) => line(row).trimEnd()).join("\n")}\n`;
}

/** What the run was made on, in a few lines. */
export function factsText({ machine, adapter, versions, load }: Facts): string {
  const kind = adapter.software ? "software adapter: the processor computes" : "GPU";
  const loaded = load.before.map((value) => value.toFixed(1)).join(" ") || "unknown";
  const runtime = versions.browser ?? `node ${versions.node}, webgpu (Dawn) ${versions.webgpu ?? "none"}`;
  return [
    `adapter   ${adapterName(adapter)} (${kind})`,
    `machine   ${machine.processor}, ${machine.cores} cores, ${mebibytes(machine.memory)}, load ${loaded}`,
    `versions  onestage ${versions.onestage}, ${runtime}`,
    "",
  ].join("\n");
}

/** The ceilings in one line. */
export function ceilingsText({ flops, bytes, source }: Ceilings): string {
  return `ceilings  ${rate(flops, "FLOP")} (fused multiply-adds, f32), ${rate(bytes, "B")} (copy), by ${source}\n`;
}

/** The header of the rows that rowCells gives. */
export const rowHeader = ["case", "time", "±", "wall", "first", "FLOP/s", "B/s", "of ceiling", "dispatches", "memory"];

/** One case as cells of a table. */
export function rowCells(row: Row, ceilings: Ceilings | null): string[] {
  const { median: middle, spread } = judged(row);
  const perSecond = (amount: number | null) => (amount ? amount / (middle / 1000) : null);
  return [
    row.group === "kernel" ? row.name : `${row.group} ${row.name}`,
    time(middle),
    percent(spread),
    time(row.wall.median),
    time(row.first),
    rate(perSecond(row.flops), "FLOP"),
    rate(perSecond(row.bytes), "B"),
    percent(attained(row, ceilings)),
    String(row.dispatches),
    mebibytes(row.memory.peak),
  ];
}

/** What steps cost beside the GPU's work, and what planning buys, one line each. */
export function stepNotes(rows: readonly Row[]): string[] {
  return rows
    .filter(({ group }) => group !== "kernel")
    .flatMap(({ group, name, host, wall, submits, buffers, memory }) => {
      const script = `JavaScript ${time(host.median)} (${percent(host.median / wall.median)} of the step)`;
      const planned =
        memory.planned === undefined
          ? ""
          : `, planned memory ${mebibytes(memory.planned)} instead of ${mebibytes(memory.naive)}`;
      return [`${group} ${name}: ${script}, submits ${submits}, buffers made ${buffers}${planned}`];
    });
}

// What a step gains: the way that has it, the way that does not, and how the two are called.
const GAINS = [
  ["replayed", "eager", "replayed", "eager"],
  ["tuned", "replayed", "tuned", "untuned"],
  ["replayed", "unfused", "fused", "unfused"],
] as const;

/** What replay, tuning and fusion buy in the steps of one run, or that the noise hides it. */
export function gainNotes(rows: readonly Row[]): string[] {
  return rows.flatMap((row) =>
    GAINS.flatMap(([way, without, called, against]) => {
      const end = new RegExp(` ${way}$`);
      const other = rows.find(
        ({ name, block }) => block === row.block && name === row.name.replace(end, ` ${without}`),
      );
      if (!end.test(row.name) || !other) return [];
      const ratio = other.wall.median / row.wall.median;
      const band = noiseBand(other.wall, row.wall);
      const hidden = Math.abs(Math.log(ratio)) <= Math.log1p(band) ? `, within the noise of ±${percent(band)}` : "";
      return [`${row.block}: ${called} ${ratio.toFixed(2)} times as fast as ${against}${hidden}`];
    }),
  );
}

/** How a curve's cost grows, in one line: a fixed part and a part that is proportional to the work. */
export function scalingText({ axis, scenario, points }: ScalingCurve): string {
  const rows = points.map(({ x, flops, time: taken, peak, dispatches }, i) => {
    const before = points[i - 1];
    const grown = before ? Math.log(taken.median / before.time.median) / Math.log(flops / before.flops) : Number.NaN;
    return [
      String(x),
      time(taken.median),
      percent(taken.spread),
      rate(flops / (taken.median / 1000), "FLOP"),
      Number.isFinite(grown) ? grown.toFixed(2) : NONE,
      mebibytes(peak),
      String(dispatches),
    ];
  });
  const header = [axis, "step", "±", "FLOP/s", "exponent", "peak memory", "dispatches"];
  return `${scenario}\n${table([header, ...rows])}${linearity(points)}\n`;
}

/** Where a curve stops being linear in its work, and why. */
export function linearity(points: ScalingCurve["points"]): string {
  if (points.length < 3) return "";
  const { fixed, slope } = fitLine(points.map(({ flops, time: taken }) => ({ x: flops, y: taken.median })));
  const dispatches = points[0]!.dispatches;
  if (fixed <= 0) return "no fixed part: the time grows at least in proportion to the work";
  const each = time(fixed / dispatches);
  const knee = points.find(({ flops }) => slope * flops >= fixed);
  const until = knee ? `half of the step at ${knee.x} or before` : "more than half of the step everywhere";
  return `about ${time(fixed)} are fixed (${each} for each of ${dispatches} dispatches), ${until}; the rest grows with the work at ${rate(1000 / slope, "FLOP")}`;
}

/** The peers' table: one line for each engine and case, and the median ratio. */
export function peersText(results: readonly PeerCaseResult[]): string {
  const header = ["case", "engine", "time", "±", "first", "error", "ratio", "dispatches", "submits", "held", "peak"];
  const rows = results.flatMap(({ name, engines, ratio, fastest }) =>
    engines.map((row) => {
      const note = row.skipped ?? (row.right ? "" : "WRONG");
      const isBest = row.engine === fastest && ratio !== null;
      return [
        name,
        `${row.engine}${note ? ` (${note})` : ""}`,
        row.time ? time(row.time.median) : NONE,
        row.time ? percent(row.time.spread) : NONE,
        row.first === undefined ? NONE : time(row.first),
        row.error === undefined ? NONE : row.error.toExponential(1),
        isBest ? `${ratio.toFixed(2)}x` : "",
        String(row.dispatches ?? NONE),
        String(row.submits ?? NONE),
        mebibytes(row.memory?.live),
        mebibytes(row.memory?.peak),
      ];
    }),
  );
  const ratios = results.flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
  const summary =
    ratios.length === 0
      ? "no ratio: no case that we and a peer got right"
      : `fastest peer / ours: median ${median(ratios).toFixed(2)}, least ${Math.min(...ratios).toFixed(2)} (of ${ratios.length} cases)`;
  return `${table([header, ...rows])}${summary}\n`;
}

/** A comparison with an older run. */
export function comparisonText(comparison: Comparison): string {
  const { changes } = comparison;
  const marks = { faster: "faster", slower: "SLOWER", same: "" };
  const rows = changes.map(({ name, before, after, change, band, verdict }) => {
    const signed = `${change > 0 ? "+" : ""}${(100 * change).toFixed(1)} %`;
    return [name, time(before), time(after), signed, `±${(100 * band).toFixed(1)} %`, marks[verdict]];
  });
  const body = rows.length > 0 ? table([["case", "before", "now", "change", "noise", ""], ...rows]) : "";
  return `${body}${comparisonNotes(comparison).join("\n")}\n`;
}

/** What there is to know of a comparison beside its cases, one line each. */
export function comparisonNotes({ changes, onlyBefore, onlyAfter, warnings }: Comparison): string[] {
  const count = (verdict: string) => changes.filter((change) => change.verdict === verdict).length;
  return [
    ...warnings.map((warning) => `careful: ${warning}`),
    `${count("faster")} faster, ${count("slower")} slower, ${count("same")} within the noise`,
    ...(onlyBefore.length > 0 ? [`cases not measured now: ${onlyBefore.length}`] : []),
    ...(onlyAfter.length > 0 ? [`cases not measured before: ${onlyAfter.length}`] : []),
  ];
}
