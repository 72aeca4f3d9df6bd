import { baselineOf, wilson } from "../findings.ts";
import { metricWords, percent, ROLE_WORDS, SEEN_WORDS } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Look, marker } from "../palette.ts";
import type { Metrics, NetworkReport, ReportData, Role } from "../types.ts";

/** Bars of both accuracies, the networks grouped by what they see at test; the main metric has the thick bars. */
export function bars(data: ReportData, looks: Map<string, Look>): Html {
  const words = metricWords(data.task);
  const [main, other] = order(data);
  const longest = data.networks.flatMap(({ metrics }) => [interval(data, metrics)[1], metrics.top1, metrics.meanClass]);
  const full = Math.min(1, Math.ceil(Math.max(0.1, ...longest.filter(Number.isFinite)) * 10) / 10);
  const groups = (["rgb", "depth", "ir", "both", "all"] as const)
    .map((seen) => ({ seen, members: data.networks.filter((network) => network.seen === seen) }))
    .filter(({ members }) => members.length > 0);
  const compared = groups.some(({ members }) => members.length > 1 && members.some(({ role }) => role === "baseline"));
  const roles = Object.entries(ROLE_WORDS).filter(([role]) => data.networks.some((network) => network.role === role));
  return html`<p class="lead">Thick bars: ${words[main]}; thin bars: ${words[other]}. ${
    data.task === "classify" &&
    "The fine line on a thick bar is its 95% interval from the number of test images alone; another seed would add to it. "
  }${compared && "The dashed line marks the baseline of the group. "}Bars start at 0 and the full width is ${percent(full, 0)}.</p>
${groups.map(({ seen, members }) => {
  const baseline = baselineOf(data, seen);
  return html`<h3>Sees ${SEEN_WORDS[seen]} at test</h3>
<ul class="bars">${members.map((network) => row(data, network, looks.get(network.id) as Look, full, baseline))}</ul>`;
})}
<dl class="roles">${roles.map(
    ([role, words]) =>
      html`<div><dt>${marker({ color: "--muted", dash: [], role: role as Role })} ${role}</dt><dd>${words}</dd></div>`,
  )}</dl>`;
}

function order(data: ReportData): ["top1" | "meanClass", "top1" | "meanClass"] {
  return metricWords(data.task).main === "top1" ? ["top1", "meanClass"] : ["meanClass", "top1"];
}

function interval(data: ReportData, { top1, samples }: Metrics): [number, number] {
  return data.task === "classify" ? wilson(top1, samples) : [Number.NaN, Number.NaN];
}

function row(data: ReportData, network: NetworkReport, look: Look, full: number, baseline?: NetworkReport): Html {
  const words = metricWords(data.task);
  const [main, other] = order(data);
  const [from, to] = interval(data, network.metrics);
  const width = (share: number) => Math.min(100, Math.max(0, (share / full) * 100 || 0)).toFixed(2);
  const reference = baseline && baseline !== network ? baseline.metrics[main] : Number.NaN;
  return html`<li style="--c:var(${look.color})">
<span class="name">${marker(look)} ${network.title} <em class="role">${network.role}</em></span>
<span class="track" aria-hidden="true"><i class="thick" style="width:${width(network.metrics[main])}%"></i><i class="thin" style="width:${width(network.metrics[other])}%"></i>${
    Number.isFinite(from) && html`<i class="whisker" style="left:${width(from)}%;width:${width(to - from)}%"></i>`
  }${Number.isFinite(reference) && html`<i class="base" style="left:${width(reference)}%"></i>`}</span>
<span class="values"><b>${percent(network.metrics[main])}</b><span class="hidden"> ${words[main]}, </span><span>${percent(network.metrics[other])}</span><span class="hidden"> ${words[other]}</span></span>
</li>`;
}
