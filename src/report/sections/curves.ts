import type { Chart, Series } from "../charts.ts";
import { number, percent } from "../format.ts";
import { type Html, html } from "../html.ts";
import { stroke } from "../palette.ts";

/** The frames of the charts with their legends; a script draws into them. */
export function curves(charts: Chart[]): Html | null {
  if (charts.length === 0) return null;
  return html`<p class="lead">Point at a chart, or focus it and use the arrow keys, to read the values of an epoch; the buttons hide and show lines.</p>
<noscript><p>The charts need scripts; their final values are in the table below.</p></noscript>
<div class="charts">${charts.map(
    (
      chart,
      i,
    ) => html`<figure data-chart="${i}"><figcaption><b>${chart.title}</b> <span class="small">${chart.note}</span> <span class="epoch small"></span></figcaption>
<div class="plot" tabindex="0" role="img" aria-label="${describe(chart)}"></div>
<div class="legend">${chart.series.map(
      (series, n) =>
        html`<button type="button" aria-pressed="true" data-series="${n}">${stroke({ ...series, role: "ours" })}<span>${series.name}</span> <b>${show(chart, last(series))}</b></button>`,
    )}</div><p class="hidden" aria-live="polite"></p></figure>`,
  )}</div>
<details><summary>Final values of all curves</summary><div class="scroll" tabindex="0" role="region" aria-label="Final values of all curves"><table class="numbers">
<thead><tr><th scope="col">curve</th><th scope="col" class="text">line</th><th scope="col">final value</th></tr></thead>
<tbody>${charts.map((chart) => chart.series.map((series) => html`<tr><th scope="row">${chart.title}</th><td class="text">${series.name}</td><td>${show(chart, last(series))}</td></tr>`))}</tbody></table></div></details>`;
}

function last({ values }: Series): number {
  return values.filter((value) => value !== null).at(-1) ?? Number.NaN;
}

function show(chart: Chart, value: number): string {
  return chart.percent ? percent(value) : number(value);
}

function describe(chart: Chart): string {
  const ends = chart.series.map((series) => `${series.name} ends at ${show(chart, last(series))}`).join(", ");
  return `${chart.title}, ${chart.note}, epochs ${chart.epochs[0]} to ${chart.epochs.at(-1)}: ${ends}. Arrow keys read single epochs.`;
}
