import type { ComparisonData } from "../comparison.ts";
import type { Difference, RowSummary } from "../comparisonAnalysis.ts";
import { mainOf } from "../comparisonFindings.ts";
import { percent } from "../format.ts";
import { type Html, html } from "../html.ts";

/** A straight axis: the values at its ends, and those that are marked on it. */
export interface Axis {
  low: number;
  high: number;
  marks: number[];
}

/** An axis that holds all these values (those that are not finite do not count) with round marks at its ends. */
export function axisOf(values: readonly number[], count = 5): Axis {
  const known = values.filter(Number.isFinite);
  const [least, most] = known.length > 0 ? [Math.min(...known), Math.max(...known)] : [0, 1];
  const span = most - least || Math.abs(most) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((size) => size * power).find((size) => span / size <= count)!;
  const [first, last] = [
    Math.floor(least / step + 1e-9),
    Math.max(Math.ceil(most / step - 1e-9), Math.floor(least / step) + 1),
  ];
  const marks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low: marks[0]!, high: marks.at(-1)!, marks };
}

/** The axis of the main metric: of single seeds, and of intervals of means. */
export function scoresAxis(data: ComparisonData, rows: readonly RowSummary[]): Axis {
  return axisOf(rows.flatMap((row) => [...mainOf(data, row).values, ...(row.interval ?? [])]));
}

/** The axis of paired differences, around 0. */
export function differencesAxis(differences: readonly Difference[]): Axis {
  const ends = differences.flatMap(({ values, overSeeds, overImages }) => [
    ...values,
    ...(overSeeds ?? []),
    ...(overImages ?? []),
  ]);
  return axisOf([0, ...ends]);
}

/** Where a value lies on an axis, in per cent of its length. */
export function placeOn({ low, high }: Axis, value: number): string {
  return (Math.min(1, Math.max(0, (value - low) / (high - low))) * 100).toFixed(2);
}

/** The lines of the marks behind a row. */
export function gridOf(axis: Axis): Html {
  return html`${axis.marks.map((mark) => html`<i class="tick" style="left:${placeOn(axis, mark)}%"></i>`)}`;
}

/** A bar from one value to another. */
export function bar(kind: string, axis: Axis, interval: readonly [number, number] | null): Html | null {
  if (!interval) return null;
  const [from, to] = interval.map((value) => Number(placeOn(axis, value))) as [number, number];
  return html`<i class="${kind}" style="left:${from.toFixed(2)}%;width:${(to - from).toFixed(2)}%"></i>`;
}

/** What a share is called on an axis. */
export function shareMark(axis: Axis, value: number): string {
  return percent(value, decimals(axis));
}

/** What a difference of shares is called on an axis, in points. */
export function pointsMark(axis: Axis, value: number): string {
  const text = (100 * Math.abs(value)).toFixed(decimals(axis));
  return Number(text) === 0 ? "0" : `${value > 0 ? "+" : "−"}${text}`;
}

/** Decimals of per cents that tell neighbouring marks apart. */
function decimals({ marks }: Axis): number {
  return marks[1]! - marks[0]! < 0.01 - 1e-9 ? 1 : 0;
}
