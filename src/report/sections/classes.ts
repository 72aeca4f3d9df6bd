import { metricWords, percent, whole } from "../format.ts";
import { type Html, html } from "../html.ts";
import { swatch } from "../labels.ts";
import { type Look, marker } from "../palette.ts";
import type { ReportData } from "../types.ts";

/** Per-class accuracy as a dot plot, and the same as a table. */
export function classes(data: ReportData, looks: Map<string, Look>): Html | null {
  const networks = data.networks.filter((network) => network.metrics.perClass.length > 0);
  if (networks.length === 0 || data.classes.length === 0) return null;
  const matrix = networks.find((network) => network.metrics.confusion.length > 0)?.metrics.confusion;
  const support = data.classes.map((_, i) => matrix?.[i].reduce((sum, value) => sum + value, 0) ?? Number.NaN);
  const words = metricWords(data.task);
  return html`<p class="lead">One mark per network on a line from 0 to 100% ${words.perClass}${matrix && `; beside the name, the number of test ${words.unit}`}.</p>
<ul class="key">${networks.map((network) => html`<li>${marker(looks.get(network.id) as Look)} ${network.title}</li>`)}</ul>
<div class="dots" aria-hidden="true">${data.classes.map(
    (name, i) =>
      html`<div class="dot-row"><span class="name">${data.task === "segment" && html`${swatch(i)} `}${name}${matrix && html` <small>${whole(support[i])}</small>`}</span><span class="line">${networks.map(
        (network) => {
          const value = network.metrics.perClass[i];
          return (
            Number.isFinite(value) &&
            html`<span class="at" style="left:${(Math.min(1, Math.max(0, value)) * 100).toFixed(2)}%" title="${network.title}: ${percent(value)}">${marker(looks.get(network.id) as Look)}</span>`
          );
        },
      )}</span></div>`,
  )}<div class="dot-row axis"><span></span><span class="line">${[0, 25, 50, 75, 100].map((mark) => html`<span style="left:${mark}%">${mark}%</span>`)}</span></div></div>
<details><summary>Per-class ${words.perClass} as a table</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Per-class ${words.perClass}"><table class="numbers"><thead><tr><th scope="col">class</th>${networks.map((network) => html`<th scope="col">${network.title}</th>`)}</tr></thead>
<tbody>${data.classes.map((name, i) => html`<tr><th scope="row">${name}</th>${networks.map((network) => html`<td>${percent(network.metrics.perClass[i])}</td>`)}</tr>`)}</tbody></table></div></details>`;
}
