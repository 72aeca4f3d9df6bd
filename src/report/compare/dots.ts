import type { ComparisonData } from "../comparison.ts";
import type { Difference, TableAnalysis } from "../comparisonAnalysis.ts";
import { intervalWords, mainOf, spreadWords } from "../comparisonFindings.ts";
import { metricWords, percent, points } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Look, marker } from "../palette.ts";
import { type Axis, bar, differencesAxis, gridOf, placeOn, pointsMark, scoresAxis, shareMark } from "./axis.ts";

/** One dot a seed, the mean as a mark and its interval as a bar, a line for each method. */
export function seedDots(data: ComparisonData, table: TableAnalysis, looks: ReadonlyMap<string, Look>): Html | null {
  const trained = table.rows.filter(({ seeds }) => seeds.length > 0);
  if (trained.length === 0) return null;
  const axis = scoresAxis(data, trained);
  const words = metricWords(data.task);
  const rows = trained.map((row) => {
    const { values, mean } = mainOf(data, row);
    const look = looks.get(row.id)!;
    return html`<li style="--c:var(${look.color})"><span class="name">${row.label}</span>
<span class="line" aria-hidden="true">${gridOf(axis)}${bar("whisker", axis, row.interval)}${seedMarks(axis, values, percent)}<span class="at" style="left:${placeOn(axis, mean)}%">${marker(look)}</span></span>
<span class="said"><b>${spreadWords(mainOf(data, row))}</b></span></li>`;
  });
  return html`<ul class="rows" aria-label="${words[words.main]} of each method">${rows}${axisRow(axis, shareMark)}</ul>`;
}

/** Paired differences of one method to the others with their intervals, around a line at 0. */
export function forest(
  table: TableAnalysis,
  differences: readonly Difference[],
  looks: ReadonlyMap<string, Look>,
): Html | null {
  const measured = differences.filter(({ mean }) => Number.isFinite(mean));
  if (measured.length === 0) return null;
  const axis = differencesAxis(measured);
  const rows = measured.map(({ minus, mean, values, overSeeds, overImages, verdict }) => {
    const other = table.rows.find(({ id }) => id === minus)!;
    return html`<li style="--c:var(${looks.get(differences[0]!.of)!.color})"><span class="name">minus ${other.label}</span>
<span class="line" aria-hidden="true">${gridOf(axis)}<i class="zero" style="left:${placeOn(axis, 0)}%"></i>${bar("band", axis, overImages)}${bar("whisker", axis, overSeeds)}${seedMarks(axis, values, points)}<span class="at" style="left:${placeOn(axis, mean)}%"><i class="mean"></i></span></span>
<span class="said"><b>${points(mean)}</b> <span class="verdict ${verdict === "above 0" ? "up" : verdict === "below 0" ? "down" : "open"}">${verdict}</span><span class="hidden"> over seeds ${intervalWords(overSeeds) ?? "no interval"}, over images ${intervalWords(overImages) ?? "no interval"}</span></span></li>`;
  });
  return html`<ul class="rows forest" aria-label="Paired differences">${rows}${axisRow(axis, pointsMark)}</ul>`;
}

function seedMarks(axis: Axis, values: readonly number[], say: (value: number) => string): Html {
  return html`${values.map((value) => html`<i class="seed" style="left:${placeOn(axis, value)}%" title="${say(value)}"></i>`)}`;
}

function axisRow(axis: Axis, say: (axis: Axis, value: number) => string): Html {
  return html`<li class="axis" aria-hidden="true"><span></span><span class="line">${axis.marks.map((mark) => html`<span style="left:${placeOn(axis, mark)}%">${say(axis, mark)}</span>`)}</span><span></span></li>`;
}
