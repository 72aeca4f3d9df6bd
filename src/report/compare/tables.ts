import type { ComparisonData } from "../comparison.ts";
import { type Difference, type TableAnalysis, verdictOf } from "../comparisonAnalysis.ts";
import { intervalWords } from "../comparisonFindings.ts";
import { columnsOf } from "../comparisonText.ts";
import { MISSING, metricWords, nats, percent, points } from "../format.ts";
import { type Html, html } from "../html.ts";
import { swatch } from "../labels.ts";
import { type Look, marker } from "../palette.ts";
import type { Interval } from "../statistics.ts";

/** The figures of every method. */
export function results(data: ComparisonData, table: TableAnalysis, looks: ReadonlyMap<string, Look>): Html {
  const columns = columnsOf(data);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${table.title}: figures"><table class="numbers methods">
<thead><tr><th scope="col">method</th>${columns.map(({ head }) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${table.rows.map(
    (row) =>
      html`<tr${row.role === "ours" && html` class="ours"`}><th scope="row">${marker(looks.get(row.id)!)} ${row.label}</th>${columns.map(({ text }) => html`<td>${text(row)}</td>`)}</tr>`,
  )}</tbody></table></div>`;
}

/** Paired differences with every interval. */
export function differenceTable(table: TableAnalysis, differences: readonly Difference[]): Html {
  const label = (id: string) => table.rows.find((row) => row.id === id)!.label;
  const title = `${label(differences[0]!.of)} minus each other method`;
  const heads = [
    "mean",
    "s.d.",
    "seeds",
    "over seeds",
    "over images",
    "over images and seeds",
    "verdict",
    "NLL",
    "over seeds",
  ];
  return html`<details><summary>${title}, in points, as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="${title}"><table class="numbers">
<thead><tr><th scope="col">minus</th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${differences.map(
    ({ minus, mean, sd, seeds, overSeeds, overImages, overBoth, verdict, nll }) =>
      html`<tr><th scope="row">${label(minus)}</th><td>${points(mean)}</td><td>${Number.isFinite(sd) ? (100 * sd).toFixed(1) : MISSING}</td><td>${seeds.join(" ") || MISSING}</td>${[overSeeds, overImages, overBoth].map((interval) => ends(interval))}<td>${verdict}</td><td>${nats(nll.mean)}</td>${ends(nll.overSeeds, nats)}</tr>`,
  )}</tbody></table></div></details>`;
}

/** Accuracy or intersection over union of each class by each method, the mean over seeds. */
export function classTable(data: ComparisonData, table: TableAnalysis): Html | null {
  const known = table.rows.filter(({ perClass }) => perClass.length > 0);
  if (known.length === 0) return null;
  const words = metricWords(data.task);
  const cell = (share: number) =>
    Number.isFinite(share)
      ? html`<td style="background:rgb(var(--hit)/${(0.6 * Math.min(1, Math.max(0, share))).toFixed(3)})">${percent(share).replace("%", "")}</td>`
      : html`<td>${MISSING}</td>`;
  const title = `${words.perClass} of each class, %`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${table.title}: ${title}"><table class="numbers">
<thead><tr><th scope="col">class</th>${known.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
<tbody>${data.classes.map(
    (name, k) =>
      html`<tr><th scope="row">${data.task === "segment" && html`${swatch(k)} `}${name}</th>${known.map(({ perClass }) => cell(perClass[k]!))}</tr>`,
  )}</tbody></table></div>`;
}

function ends(interval: Interval | null, show = points): Html {
  return html`<td>${interval ? html`${intervalWords(interval, show)}<br><small>${verdictOf(interval)}</small>` : MISSING}</td>`;
}
