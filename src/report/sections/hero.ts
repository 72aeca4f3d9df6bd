import { caution, type Finding, findings, headline, mainMetric } from "../findings.ts";
import { metricWords, percent, points, SEEN_WORDS } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Look, marker } from "../palette.ts";
import type { NetworkReport, ReportData } from "../types.ts";

/** The opening: what the run found, in sentences and as one card per modality at test. */
export function hero(data: ReportData, looks: Map<string, Look>): Html {
  return html`<h2 class="hidden">Result</h2><div class="headline">${headline(data).map((text) => html`<p>${text}</p>`)}</div>
<div class="cards">${findings(data).map((finding) => card(data, finding, looks))}</div>`;
}

function card(data: ReportData, finding: Finding, looks: Map<string, Look>): Html {
  const { ours, baseline, upper, gain, closed } = finding;
  const words = metricWords(data.task);
  const note = caution(finding);
  return html`<article class="card">
<h3>Sees ${SEEN_WORDS[finding.seen]} only at test</h3>
<p class="big"><b style="color:var(${looks.get(ours.id)?.color ?? "--ink"})">${percent(mainMetric(data, ours))}</b> <span>${words[words.main]}</span></p>
<dl class="facts">
${baseline && html`<div><dt>against ${baseline.title}</dt><dd>${points(gain)} points</dd></div>`}
${upper && baseline && html`<div><dt>of the gap to ${upper.title} closed</dt><dd>${closed <= 0 ? "none" : percent(closed, 0)}</dd></div>`}
</dl>
${baseline && gapStrip(data, [baseline, ours, ...(upper ? [upper] : [])], looks)}
${note && html`<p class="small">${note}</p>`}
</article>`;
}

function gapStrip(data: ReportData, networks: NetworkReport[], looks: Map<string, Look>): Html | null {
  const values = networks.map((network) => mainMetric(data, network));
  if (!values.every(Number.isFinite)) return null;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const place = (value: number) => (((value - low) / span) * 100).toFixed(2);
  const [baseline, ours] = values;
  const from = Math.min(baseline, ours);
  return html`<div class="strip" aria-hidden="true"><span class="gained" style="left:${place(from)}%;width:${((Math.abs(ours - baseline) / span) * 100).toFixed(2)}%;background:var(${looks.get(networks[1].id)?.color ?? "--ink"})"></span>
${networks.map((network, i) => html`<span class="at" style="left:${place(values[i])}%">${marker(looks.get(network.id) as Look)}</span>`)}</div>
<ul class="key">${networks.map((network, i) => html`<li>${marker(looks.get(network.id) as Look)} ${network.title} <b>${percent(values[i])}</b></li>`)}</ul>`;
}
