import { forest, seedDots } from "./compare/dots.ts";
import { comparisonLooks } from "./compare/looks.ts";
import { scatters } from "./compare/scatter.ts";
import { classTable, differenceTable, results } from "./compare/tables.ts";
import { type ComparisonData, withAveraged } from "./comparison.ts";
import { analyseComparison, type ComparisonAnalysis, type TableAnalysis } from "./comparisonAnalysis.ts";
import { mainOf, tableFindings } from "./comparisonFindings.ts";
import { comparisonJson, explanation } from "./comparisonText.ts";
import { date, metricWords, percent, points } from "./format.ts";
import { type Html, html } from "./html.ts";
import { renderPage, type Section } from "./page/frame.ts";
import type { Look } from "./palette.ts";
import { command, notes, settingsList } from "./sections/details.ts";
import { gallery } from "./sections/gallery.ts";

/**
 * Renders a comparison as one HTML page that carries its style and pictures and loads nothing.
 * @throws ShapeError if the parts of `data` do not fit together.
 */
export function renderComparison(data: ComparisonData, analysis: ComparisonAnalysis = analyseComparison(data)): string {
  const looks = comparisonLooks(data);
  const words = metricWords(data.task);
  const each = (body: (table: TableAnalysis) => Html | null): Html | null => {
    const bodies = analysis.tables.map((table) => [table.title, body(table)] as const).filter(([, found]) => found);
    return bodies.length > 0
      ? html`${bodies.map(([title, found]) => html`${analysis.tables.length > 1 && html`<h3>${title}</h3>`}${found}`)}`
      : null;
  };
  const lead = (text: string, body: Html | null) => body && html`<p class="lead">${text}</p>${body}`;
  const sections: Section[] = [
    ["results", "Results", each((table) => results(data, table, looks))],
    [
      "seeds",
      "Seeds",
      lead(
        `${capital(words[words.main])}: a small dot for each seed, a mark for the mean, a bar for the 95% interval of the mean over seeds (from three seeds on). The axis need not begin at 0.`,
        each((table) => seedDots(data, table, looks)),
      ),
    ],
    [
      "differences",
      "Differences",
      lead(
        "Paired differences in points. Thin bar: 95% interval over seeds; broad band: over images; small dots: single seeds. Right of the line at 0 the first method is better.",
        each((table) => differences(table, looks)),
      ),
    ],
    [
      "cost",
      "Cost",
      lead(
        "Means over seeds.",
        each((table) => scatters(data, table, looks)),
      ),
    ],
    [
      "classes",
      "Classes",
      lead(
        `${capital(words.perClass)} of each class, mean over seeds, in per cent.`,
        each((table) => classTable(data, table)),
      ),
    ],
    ["samples", "Samples", gallery({ ...data, networks: titles(data) }, looks)],
    ["missing", "Not trained yet", missing(data)],
    ["notes", "Notes", notes([...explanation(data, analysis), ...data.notes])],
    ["run", "Run again", html`${command("Command", data.command)}${settingsList(data.settings)}`],
  ];
  return renderPage({
    title: data.title,
    subtitle: data.subtitle,
    meta: [date(data.created), data.dataset, `figures of ${data.split}`],
    opening: opening(data, analysis, looks),
    sections,
    numbers: JSON.parse(comparisonJson(data, analysis)),
    charts: [],
  });
}

function titles(data: ComparisonData): { id: string; title: string }[] {
  return withAveraged(data.rows).map(({ id, label }) => ({ id, title: label }));
}

function opening(data: ComparisonData, { tables }: ComparisonAnalysis, looks: ReadonlyMap<string, Look>): Html {
  return html`<h2 class="hidden">Result</h2><div class="cards">${tables.map((table) => card(data, table, looks))}</div>`;
}

function card(data: ComparisonData, table: TableAnalysis, looks: ReadonlyMap<string, Look>): Html {
  const words = metricWords(data.task);
  const reference = table.rows.find(({ id }) => id === table.reference)!;
  const against = table.differences.find(({ minus }) => minus === table.gap?.baseline);
  const { gap } = table;
  return html`<article class="card">
<h3>${table.title}</h3>
<p class="big"><b style="color:var(${looks.get(reference.id)!.color})">${percent(mainOf(data, reference).mean)}</b> <span>${words[words.main]}</span></p>
<dl class="facts">
${against && Number.isFinite(against.mean) && html`<div><dt>against ${table.rows.find(({ id }) => id === against.minus)!.label}, ${against.verdict}</dt><dd>${points(against.mean)} points</dd></div>`}
${gap && Number.isFinite(gap.closed) && html`<div><dt>of the gap to ${table.rows.find(({ id }) => id === gap.upper)!.label} closed</dt><dd>${gap.closed > 0 ? percent(gap.closed, 0) : "none"}</dd></div>`}
</dl>
<ul class="findings">${tableFindings(data, table).map((text) => html`<li>${text}</li>`)}</ul>
</article>`;
}

function differences(table: TableAnalysis, looks: ReadonlyMap<string, Look>): Html | null {
  const lists = [table.differences, table.otherHeadDifferences].filter((list) => list.length > 0);
  const shown = lists.flatMap((list) => {
    const plot = forest(table, list, looks);
    const of = table.rows.find(({ id }) => id === list[0]!.of)!;
    return plot ? [html`<h4>${of.label}</h4>${plot}${differenceTable(table, list)}`] : [];
  });
  return shown.length > 0 ? html`${shown}` : null;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function missing(data: ComparisonData): Html | null {
  if (data.missing.length === 0) return null;
  const text = data.missing.map(({ command }) => command).join("\n");
  const count = data.missing.length === 1 ? "1 training is" : `${data.missing.length} trainings are`;
  return html`<p class="lead">${count} missing: the figures above are without them.</p>${command("Commands", text)}`;
}
