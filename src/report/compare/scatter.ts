import type { ComparisonData } from "../comparison.ts";
import type { RowSummary, TableAnalysis } from "../comparisonAnalysis.ts";
import { mainOf, spreadWords } from "../comparisonFindings.ts";
import { count, metricWords, percent } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Look, marker } from "../palette.ts";
import { axisOf, placeOn } from "./axis.ts";

// Height of the plot and least distance of two numbers in it, in rem.
const HEIGHT = 17;
const LINE = 1;

/** The metric that is compared against what a method costs at test time; numbers stand for the methods of the key. */
export function scatters(data: ComparisonData, table: TableAnalysis, looks: ReadonlyMap<string, Look>): Html | null {
  const rows = table.rows.filter((row) => Number.isFinite(mainOf(data, row).mean));
  if (rows.length < 2) return null;
  const plots = [
    scatter(data, rows, looks, "parameters at test", ({ parameters }) => parameters),
    scatter(data, rows, looks, "FLOPs of one image", ({ flops }) => flops),
  ];
  const key = rows.map((row, i) => html`<li>${marker(looks.get(row.id)!)} <b>${i + 1}</b> ${row.label}</li>`);
  return html`<div class="charts">${plots}</div><ul class="key">${key}</ul>`;
}

function scatter(
  data: ComparisonData,
  rows: readonly RowSummary[],
  looks: ReadonlyMap<string, Look>,
  title: string,
  cost: (row: RowSummary) => number,
): Html | null {
  const known = rows.flatMap((row, i) => (Number.isFinite(cost(row)) ? [{ row, number: i + 1 }] : []));
  if (known.length === 0) return null;
  const words = metricWords(data.task);
  const across = axisOf([0, ...known.map(({ row }) => cost(row))], 4);
  const up = axisOf(known.map(({ row }) => mainOf(data, row).mean));
  const x = ({ row }: (typeof known)[number]) => Number(placeOn(across, cost(row)));
  const y = ({ row }: (typeof known)[number]) => Number(placeOn(up, mainOf(data, row).mean));
  const lifted = apart(known.map((point) => ({ x: x(point), y: y(point) })));
  return html`<figure class="scatter"><figcaption><b>${words[words.main]}</b> <span class="small">against ${title}</span></figcaption>
<div class="field" aria-hidden="true" style="height:${HEIGHT}rem">
${up.marks.map((mark) => html`<i class="level" style="bottom:${placeOn(up, mark)}%"><span>${percent(mark, up.marks[1]! - up.marks[0]! < 0.0099 ? 1 : 0)}</span></i>`)}
${across.marks.map((mark) => html`<i class="pole" style="left:${placeOn(across, mark)}%"><span>${count(mark)}</span></i>`)}
${known.map(
  (point, i) =>
    html`<span class="point" style="left:${x(point)}%;bottom:${y(point)}%" title="${point.row.label}: ${spreadWords(mainOf(data, point.row))}, ${count(cost(point.row))}">${marker(looks.get(point.row.id)!)}</span><small class="label" style="left:${x(point)}%;bottom:${lifted[i]!.toFixed(2)}%">${point.number}</small>`,
)}</div></figure>`;
}

/** Heights for the numbers of points, in per cent, so that those of neighbouring points do not cover each other. */
function apart(points: readonly { x: number; y: number }[]): number[] {
  const gap = (100 * LINE) / HEIGHT;
  const heights = points.map(({ y }) => y);
  const order = [...points.keys()].sort((a, b) => points[a]!.y - points[b]!.y);
  for (const [at, i] of order.entries()) {
    for (const below of order.slice(0, at)) {
      const near = Math.abs(points[below]!.x - points[i]!.x) < 6;
      if (near) heights[i] = Math.max(heights[i]!, heights[below]! + gap);
    }
  }
  return heights;
}
