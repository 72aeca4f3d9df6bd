import { count, date, duration, metricWords, number, percent, SEEN_WORDS, whole } from "../format.ts";
import { type Html, html } from "../html.ts";
import { type Look, marker } from "../palette.ts";
import type { ReportData } from "../types.ts";

/** All numbers of all networks in one table. */
export function numbers(data: ReportData, looks: Map<string, Look>): Html {
  const words = metricWords(data.task);
  const columns = [
    "network",
    words.top1,
    words.meanClass,
    "NLL",
    "sees at test",
    "role",
    "test images",
    "parameters",
    "training time",
  ];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="All networks"><table class="numbers">
<thead><tr>${columns.map((name) => html`<th scope="col"${(name === "role" || name === "sees at test") && html` class="text"`}>${name}</th>`)}</tr></thead>
<tbody>${data.networks.map(
    ({ id, title, seen, role, metrics, parameters, seconds }) =>
      html`<tr${role === "ours" && html` class="ours"`}><th scope="row">${marker(looks.get(id) as Look)} ${title}</th><td>${percent(metrics.top1, 2)}</td><td>${percent(metrics.meanClass, 2)}</td><td>${number(metrics.nll)}</td><td class="text">${SEEN_WORDS[seen]}</td><td class="text">${role}</td><td>${whole(metrics.samples)}</td><td title="${whole(parameters)}">${count(parameters)}</td><td>${duration(seconds)}</td></tr>`,
  )}</tbody></table></div>
<p class="small">NLL is the mean negative log likelihood of the true class, in nats; lower is better. Parameters are those used at test time.</p>`;
}

/** How the run was made: command, machine, settings. */
export function settings(data: ReportData): Html {
  const facts: [string, string][] = [
    ["created", date(data.created)],
    ["adapter", data.adapter],
    ["time of the whole run", duration(data.seconds)],
    ["task", data.task === "classify" ? "classification" : "segmentation"],
    ["classes", String(data.classes.length)],
  ];
  return html`${command("Command", data.command)}
<h3>Run</h3>${pairs(facts)}
${settingsList(data.settings)}`;
}

/** A command line with a button that copies it. */
export function command(title: string, text: string): Html {
  return html`<h3>${title}</h3>
<div class="command"><pre tabindex="0"><code>${text}</code></pre><button type="button" class="copy" hidden>Copy</button></div>`;
}

/** The settings by name; nothing where there are none. */
export function settingsList(settings: ReportData["settings"]): Html | null {
  const entries = Object.entries(settings).map(([name, value]): [string, string] => [name, String(value)]);
  return entries.length > 0 ? html`<h3>Settings</h3>${pairs(entries)}` : null;
}

/** Notes, one paragraph each. */
export function notes(texts: readonly string[]): Html | null {
  return texts.length > 0 ? html`<ul class="notes">${texts.map((note) => html`<li>${note}</li>`)}</ul>` : null;
}

function pairs(entries: [string, string][]): Html {
  return html`<dl class="pairs">${entries.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
