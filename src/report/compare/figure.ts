import { averagedId, type ComparisonData } from "../comparison.ts";
import type { Difference, RowSummary, TableAnalysis } from "../comparisonAnalysis.ts";
import { mainOf, spreadWords } from "../comparisonFindings.ts";
import { metricWords, points } from "../format.ts";
import { type Html, html } from "../html.ts";
import { tokens } from "../page/style.ts";
import { shape } from "../palette.ts";
import type { Interval } from "../statistics.ts";
import { type Axis, differencesAxis, placeOn, pointsMark, scoresAxis, shareMark } from "./axis.ts";
import { comparisonLooks } from "./looks.ts";

// In pixels, from the end of the names on: where the parts of a row lie, its height, and what is above and below the rows.
const SCORES = { from: 16, to: 256, said: 344 };
const DIFFERENCES = { from: 372, to: 656, said: 724 };
const REST = 740;
const ROW = 24;
const TOP = 66;
const BOTTOM = 34;
// An average letter's width; longer names are cut.
const LETTER = 6.8;
const MOST_LETTERS = 60;

type Panel = typeof SCORES;

/**
 * One table of a comparison as an SVG file: the main metric of every method (seeds, mean, interval over seeds), and beside it how
 * much better or worse the reference is (over seeds, over images). Null where nothing is trained.
 */
export function comparisonFigure(data: ComparisonData, table: TableAnalysis): string | null {
  const rows = table.rows.filter(({ seeds }) => seeds.length > 0);
  if (rows.length === 0) return null;
  const looks = comparisonLooks(data);
  const names = rows.map((row, i) => (isAveraged(row, rows[i - 1]) ? "mean of both heads" : cut(row.label)));
  const width = 16 + Math.round(LETTER * Math.max(...names.map(({ length }) => length))) + REST;
  const height = TOP + rows.length * ROW + BOTTOM;
  const words = metricWords(data.task);
  const reference = table.rows.find(({ id }) => id === table.reference)!;
  const differences = table.differences.filter(({ mean }) => Number.isFinite(mean));
  const [scored, differed] = [scoresAxis(data, rows), differencesAxis(differences)];
  const drawn = rows.map((row, i) => {
    const look = looks.get(row.id)!;
    const difference = differences.find(({ minus }) => minus === row.id);
    const kind = row.id === reference.id ? "own" : isAveraged(row, rows[i - 1]) && "small";
    return html`<g transform="translate(0 ${TOP + (i + 0.5) * ROW})"><text text-anchor="end" dy=".35em"${kind && html` class="${kind}"`}>${names[i]!}</text>
<g style="--c:var(${look.color})">${score(data, row, scored)}<g transform="translate(${at(SCORES, scored, mainOf(data, row).mean) - 6} -6)">${shape(look)}</g></g>${said(SCORES, spreadWords(mainOf(data, row)))}
${difference && html`<g style="--c:var(${looks.get(reference.id)!.color})">${paired(difference, differed)}</g>${said(DIFFERENCES, points(difference.mean))}`}</g>`;
  });
  const end = height - BOTTOM;
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${REST - width} 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>${table.title}: ${words[words.main]} of each method, and ${reference.label} minus each other</title>
<style>svg{${tokens(0)}}@media (prefers-color-scheme:dark){svg{${tokens(1)}}}
text{fill:var(--ink)}.small{fill:var(--muted);font-size:12px}.own{font-weight:650}.tick{stroke:var(--rule)}.zero{stroke:var(--ink);stroke-width:1.5}
.seed{fill:var(--c);opacity:.5}.whisker{stroke:var(--c);stroke-width:2}.band{fill:var(--c);opacity:.22}circle,path{fill:var(--c)}.ring{fill:var(--paper);stroke:var(--c);stroke-width:2}</style>
<rect x="${REST - width}" width="${width}" height="${height}" rx="8" style="fill:var(--paper)"/>
<text x="${SCORES.from}" y="26" class="own">${words[words.main]}</text><text x="${SCORES.from}" y="44" class="small">seeds; mean, its 95% interval over seeds</text>
<text x="${DIFFERENCES.from}" y="26" class="own">paired difference, points</text><text x="${DIFFERENCES.from}" y="44" class="small">bold minus it; 95% over seeds (bar), over images (band)</text>
${scale(SCORES, scored, end, shareMark)}${differences.length > 0 && html`${scale(DIFFERENCES, differed, end, pointsMark)}${pole("zero", at(DIFFERENCES, differed, 0), end)}`}
${drawn}</svg>
`.text;
}

/** Whether a row is the mean of both heads of the network above it. */
function isAveraged({ id }: RowSummary, above: RowSummary | undefined): boolean {
  return above !== undefined && id === averagedId(above.id);
}

function score(data: ComparisonData, row: RowSummary, axis: Axis): Html {
  return html`${whisker(SCORES, axis, row.interval)}${seeds(SCORES, axis, mainOf(data, row).values)}`;
}

function paired({ values, mean, overSeeds, overImages }: Difference, axis: Axis): Html {
  const [from, to] = (overImages ?? [mean, mean]).map((value) => at(DIFFERENCES, axis, value)) as [number, number];
  return html`<rect class="band" x="${from}" y="-7" width="${(to - from).toFixed(1)}" height="14" rx="3"/>${whisker(DIFFERENCES, axis, overSeeds)}${seeds(DIFFERENCES, axis, values)}<path d="m${at(DIFFERENCES, axis, mean)}-5.5 5.5 5.5-5.5 5.5-5.5-5.5z"/>`;
}

function seeds(panel: Panel, axis: Axis, values: readonly number[]): Html {
  return html`${values.map((value) => html`<circle class="seed" cx="${at(panel, axis, value)}" r="3.2"/>`)}`;
}

function whisker(panel: Panel, axis: Axis, interval: Interval | null): Html | null {
  if (!interval) return null;
  const [from, to] = interval.map((value) => at(panel, axis, value)) as [number, number];
  return html`<path class="whisker" d="M${from}-4v8m0-4H${to}m0-4v8"/>`;
}

function said({ said }: Panel, text: string): Html {
  return html`<text x="${said}" text-anchor="end" dy=".35em">${text}</text>`;
}

/** The marks of an axis, as lines behind the rows with what they are called below. */
function scale(panel: Panel, axis: Axis, end: number, say: (axis: Axis, value: number) => string): Html {
  const marks = axis.marks.map((mark) => [at(panel, axis, mark), say(axis, mark)] as const);
  return html`${marks.map(([x, text]) => html`${pole("tick", x, end)}<text class="small" x="${x}" y="${end + 18}" text-anchor="middle">${text}</text>`)}`;
}

function pole(kind: string, x: number, end: number): Html {
  return html`<path class="${kind}" d="M${x} ${TOP - 6}V${end}"/>`;
}

function at({ from, to }: Panel, axis: Axis, value: number): number {
  return Number((from + ((to - from) * Number(placeOn(axis, value))) / 100).toFixed(1));
}

function cut(name: string): string {
  return name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS - 1)}…` : name;
}
