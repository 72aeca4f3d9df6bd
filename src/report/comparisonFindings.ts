import { averagedId, type ComparisonData } from "./comparison.ts";
import {
  type Difference,
  LEAST_SEEDS,
  type RowSummary,
  type Spread,
  type TableAnalysis,
  type Verdict,
  verdictOf,
} from "./comparisonAnalysis.ts";
import { metricWords, nats, percent, points, SEEN_WORDS } from "./format.ts";
import type { Interval } from "./statistics.ts";

/** A mean with its sample standard deviation, both as per cent: "51.5% ± 2.1". */
export function spreadWords({ mean, sd }: Spread, decimals = 1): string {
  return Number.isFinite(sd) ? `${percent(mean, decimals)} ± ${(sd * 100).toFixed(decimals)}` : percent(mean, decimals);
}

/** The ends of an interval of differences, in points unless said otherwise: "+0.8 to +4.9"; null without one. */
export function intervalWords(interval: Interval | null, show: (end: number) => string = points): string | null {
  return interval && `${show(interval[0])} to ${show(interval[1])}`;
}

/** What a table says, in sentences that its numbers bear out. */
export function tableFindings(data: ComparisonData, table: TableAnalysis): string[] {
  const row = (id: string) => table.rows.find((found) => found.id === id)!;
  const reference = row(table.reference);
  if (reference.seeds.length === 0) return [`${reference.label} has not been trained yet.`];
  return [
    reached(data, table, reference, row),
    ...compared(table.differences, row),
    ...likelier(table.differences, row),
    ...(table.gap ? [gapWords(table.gap, row)] : []),
    ...table.otherHeadDifferences.slice(0, 1).map(({ of }) => otherHeadWords(data, table, row(of), row)),
  ];
}

/** The spread of the metric that is compared. */
export function mainOf(data: ComparisonData, row: RowSummary): Spread {
  return row[metricWords(data.task).main];
}

function reached(
  data: ComparisonData,
  { direction, gap }: TableAnalysis,
  reference: RowSummary,
  row: (id: string) => RowSummary,
): string {
  const words = metricWords(data.task);
  const { length } = reference.seeds;
  const count = length === 1 ? "1 seed" : `mean ± s.d. of ${length} seeds`;
  const ends = gap ? [row(gap.baseline), row(gap.upper)].filter(({ id }) => id !== reference.id) : [];
  const others = ends.map((end) => `${end.label} ${spreadWords(mainOf(data, end))}`).join(", ");
  return `With ${SEEN_WORDS[direction]} alone at test, ${reference.label} reaches ${spreadWords(mainOf(data, reference))} ${words[words.main]} (${count})${others && `; ${others}`}.`;
}

function compared(differences: readonly Difference[], row: (id: string) => RowSummary): string[] {
  const told = tellApart(differences, row);
  const few = `Fewer than ${LEAST_SEEDS} common seeds give no interval, so these differences may be chance: `;
  return [
    told["above 0"] && `Its paired difference is above 0 with 95% confidence against: ${told["above 0"]}.`,
    told["includes 0"] && `Its paired difference cannot be told from 0 against: ${told["includes 0"]}.`,
    told["below 0"] && `Its paired difference is below 0 with 95% confidence against: ${told["below 0"]}.`,
    told["no interval"] && `${few}${told["no interval"]}.`,
  ].filter(Boolean);
}

/** Of which other methods the NLL is higher, and so worse. */
function likelier(differences: readonly Difference[], row: (id: string) => RowSummary): string[] {
  const told = differences.filter(({ nll: { overSeeds } }) => verdictOf(overSeeds) === "below 0");
  const list = told.map(({ minus, nll }) => `${row(minus).label} (${nats(nll.mean)})`).join(", ");
  return list ? [`Its NLL is lower, and so better, with 95% confidence over seeds than that of: ${list}.`] : [];
}

function otherHeadWords(
  data: ComparisonData,
  { reference, otherHeadDifferences }: TableAnalysis,
  other: RowSummary,
  row: (id: string) => RowSummary,
): string {
  const told = tellApart(otherHeadDifferences, row);
  const parts = [
    told["above 0"] && `above 0 against: ${told["above 0"]}`,
    told["includes 0"] && `not to be told from 0 against: ${told["includes 0"]}`,
    told["below 0"] && `below 0 against: ${told["below 0"]}`,
  ].filter(Boolean);
  const head = other.id === averagedId(reference) ? "The mean of both its heads" : "Its fused head alone";
  const reaches = `${head} reaches ${spreadWords(mainOf(data, other))}`;
  const difference = parts.length > 0 ? `${reaches}; its paired difference is ${parts.join("; ")}.` : `${reaches}.`;
  return [difference, ...likelier(otherHeadDifferences, row)].join(" ");
}

/** The methods that differences are to, with the differences, by where the intervals lie. */
function tellApart(differences: readonly Difference[], row: (id: string) => RowSummary): Record<Verdict, string> {
  const list = (verdict: Verdict) =>
    differences
      .filter((difference) => difference.verdict === verdict && Number.isFinite(difference.mean))
      .map(({ minus, mean }) => `${row(minus).label} (${points(mean)})`)
      .join(", ");
  return {
    "above 0": list("above 0"),
    "includes 0": list("includes 0"),
    "below 0": list("below 0"),
    "no interval": list("no interval"),
  };
}

function gapWords(
  { baseline, upper, closed, interval, seeds }: NonNullable<TableAnalysis["gap"]>,
  row: (id: string) => RowSummary,
): string {
  const between = `the gap between ${row(baseline).label} and ${row(upper).label}`;
  if (!Number.isFinite(closed))
    return `There is no gap between ${row(baseline).label} and ${row(upper).label} to close.`;
  const many = `${seeds.length} common ${seeds.length === 1 ? "seed" : "seeds"}`;
  const ends = interval
    ? `95% interval ${percent(interval[0], 0)} to ${percent(interval[1], 0)} over images and seeds`
    : `${many}, no interval${seeds.length < LEAST_SEEDS ? "" : ": in some of the draws there is no gap"}`;
  const size = closed > 0 ? percent(closed, 0) : "none";
  return `It closes ${size} of ${between} (${ends}).`;
}
