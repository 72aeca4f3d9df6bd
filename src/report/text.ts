import { checkReport } from "./check.ts";
import { caution, findings, headline } from "./findings.ts";
import { count, date, duration, metricWords, number, percent, SEEN_WORDS } from "./format.ts";
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
  const line = (cells: string[]) => `| ${cells.map(plain).join(" | ")} |`;
  const [head, ...rows] = table(data);
  const align = `|${head.map((_, column) => (column < 3 ? "---" : "---:")).join("|")}|`;
  const settings = Object.entries(data.settings).map(([name, value]) => line([name, String(value)]));
  const parts = [
    `# ${plain(data.title)}`,
    plain(data.subtitle),
    conclusions(data).map(plain).join("\n\n"),
    [line(head), align, ...rows.map(line)].join("\n"),
    `${plain(date(data.created))}, ${plain(data.adapter)}, ${duration(data.seconds)} in all.`,
    "To run it again:",
    code(data.command),
    settings.length > 0 ? ["| setting | value |", "|---|---|", ...settings].join("\n") : "",
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

/** Text from outside on one line and without control characters, so that it cannot steer a terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
  return text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** Text from outside as Markdown text: nothing in it is read as markup. */
function plain(text: string): string {
  return printable(text)
    .replace(/[\\`*_{}[\]<>#|~&]/g, "\\$&")
    .trim();
}

/** A code block whose fence is longer than any row of backticks in the text. */
function code(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}
