import { Html, html } from "../src/report/html.ts";

/** A point of a plot; `title` is shown when the pointer rests on it. */
export interface Point {
  x: number;
  y: number;
  title: string;
}

/** Points of one kind, joined by a line or not. */
export interface Series {
  name: string;
  /** A CSS colour. */
  color: string;
  points: Point[];
  line?: boolean;
  dashed?: boolean;
}

/** Extents of a plot; its letters keep their size. */
export interface PlotSize {
  width: number;
  height: number;
}

const SIZE: PlotSize = { width: 760, height: 420 };
const LEFT = 74;
const RIGHT = 16;
const TOP = 14;
const BOTTOM = 48;

/** A plot with two logarithmic axes as SVG; points without positive coordinates are left out. */
export function logPlot(label: string, xLabel: string, yLabel: string, series: readonly Series[], size = SIZE): Html {
  const { width, height } = size;
  const drawn = series.map((one) => ({ ...one, points: one.points.filter(({ x, y }) => x > 0 && y > 0) }));
  const all = drawn.flatMap(({ points }) => points);
  if (all.length === 0) return html`<p class="small">Nothing to plot.</p>`;
  const xs = axis(all.map(({ x }) => x));
  const ys = axis(all.map(({ y }) => y));
  const px = (x: number) => round(LEFT + (width - LEFT - RIGHT) * xs.at(x));
  const py = (y: number) => round(height - BOTTOM - (height - TOP - BOTTOM) * ys.at(y));
  const grid = [
    ...xs.ticks.map(
      (x) => html`<path class="grid" d="M${px(x)} ${TOP}V${height - BOTTOM}"/>
<text x="${px(x)}" y="${height - BOTTOM + 18}" text-anchor="middle">${plain(x)}</text>`,
    ),
    ...ys.ticks.map(
      (y) => html`<path class="grid" d="M${LEFT} ${py(y)}H${width - RIGHT}"/>
<text x="${LEFT - 8}" y="${py(y) + 4}" text-anchor="end">${plain(y)}</text>`,
    ),
  ];
  const marks = drawn.map(({ name, color, points, line, dashed }) => {
    const path = points.map(({ x, y }, i) => `${i === 0 ? "M" : "L"}${px(x)} ${py(y)}`).join("");
    const dashes = dashed ? "6 4" : "none";
    return html`<g data-series="${name}">${line && html`<path class="line" stroke="${color}" stroke-dasharray="${dashes}" d="${path}"/>`}
${dashed ? null : points.map((p) => html`<circle cx="${px(p.x)}" cy="${py(p.y)}" r="4.5" fill="${color}"><title>${p.title}</title></circle>\n`)}</g>`;
  });
  return html`<figure class="log-plot"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${grid}${marks}
<text x="${(LEFT + width - RIGHT) / 2}" y="${height - 8}" text-anchor="middle">${xLabel}</text>
<text transform="translate(16 ${(TOP + height - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${yLabel}</text></svg>
<ul class="legend">${drawn.map(({ name, color }) => html`<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="4" fill="${color}"/></svg>${name}</li>`)}</ul></figure>`;
}

/** A logarithmic axis over some values: where a value lies (0..1), and its ticks. */
function axis(values: readonly number[]): { at(value: number): number; ticks: number[] } {
  const low = Math.log10(Math.min(...values));
  const high = Math.log10(Math.max(...values));
  const margin = Math.max(0.05 * (high - low), 0.08);
  const [from, to] = [low - margin, high + margin];
  const decades = Array.from({ length: Math.ceil(to) - Math.floor(from) + 1 }, (_, i) => Math.floor(from) + i);
  const steps = to - from > 2.5 ? [1] : to - from > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const ticks = decades
    .flatMap((decade) => steps.map((step) => step * 10 ** decade))
    .filter((tick) => Math.log10(tick) >= from && Math.log10(tick) <= to);
  return { at: (value) => (Math.log10(value) - from) / (to - from), ticks };
}

function plain(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return rounded >= 1e5 || rounded < 1e-3 ? rounded.toExponential(0).replace("e+", "e") : String(rounded);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The style of the plots. */
export const plotStyle = new Html(`
.log-plot{margin:0 0 1rem;background:var(--card);border:1px solid var(--rule);border-radius:.8rem;padding:1rem}
.log-plot svg{width:100%;height:auto;font:12px system-ui,sans-serif}
.log-plot text{fill:var(--muted)}
.log-plot .grid{stroke:var(--rule);fill:none}
.log-plot .line{fill:none;stroke-width:2}
.log-plot .legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.85rem}
.log-plot .legend svg{width:.8em;height:.8em;margin-right:.4em}
.slower td{color:var(--bad)}.faster td{color:var(--good)}`);
