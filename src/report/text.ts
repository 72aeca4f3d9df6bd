import { checkReport } from "./check.ts";
import { caution, findings, headline } from "./findings.ts";
import { count, date, duration, metricWords, number, percent, SEEN_WORDS } from "./format.ts";
import { codeBlock, markdownTable, plain, printable } from "./markdown.ts";
import type { ReportData } from "./types.ts";

/**
 * Renders a training run for a terminal: a table of the networks and what was found, without colours, ending in a newline.
 * @throws ShapeError if lists of `data` do not fit together.
 */
export function renderSummary(data: ReportData): string {
  checkReport(data);
  const rows = table(data).map((row) => row.map(printable));
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column < 3 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  return `${printable(data.title)}\n\n${lines.join("\n")}\n\n${conclusions(data).map(printable).join("\n")}\n`;
}

/**
 * Renders a training run as Markdown: title, findings, table of the networks, settings, command and notes.
 * @throws ShapeError if lists of `data` do not fit together.
 */
export function renderMarkdown(data: ReportData): string {
  checkReport(data);
  const [head, ...rows] = table(data);
  const settings = Object.entries(data.settings).map(([name, value]) => [name, String(value)]);
  const parts = [
    `# ${plain(data.title)}`,
    plain(data.subtitle),
    conclusions(data).map(plain).join("\n\n"),
    markdownTable(head, rows, 3),
    `${plain(date(data.created))}, ${plain(data.adapter)}, ${duration(data.seconds)} in all.`,
    "To run it again:",
    codeBlock(data.command),
    settings.length > 0 ? markdownTable(["setting", "value"], settings, 2) : "",
    data.notes.map((note) => `- ${plain(note)}`).join("\n"),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

function table(data: ReportData): string[][] {
  const words = metricWords(data.task);
  const head = ["network", "sees at test", "role", words.top1, words.meanClass, "NLL", "parameters", "training time"];
  const rows = data.networks.map(({ title, seen, role, metrics, parameters, seconds }) => [
    title,
    SEEN_WORDS[seen],
    role,
    percent(metrics.top1),
    percent(metrics.meanClass),
    number(metrics.nll),
    count(parameters),
    duration(seconds),
  ]);
  return [head, ...rows];
}

function conclusions(data: ReportData): string[] {
  const notes = findings(data).map(caution);
  return headline(data).map((text, i) => (notes[i] ? `${text} ${notes[i]}` : text));
}
