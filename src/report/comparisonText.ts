import type { ComparisonData } from "./comparison.ts";
import {
  analyseComparison,
  type ComparisonAnalysis,
  type Difference,
  type RowSummary,
  type TableAnalysis,
  verdictOf,
} from "./comparisonAnalysis.ts";
import { intervalWords, tableFindings } from "./comparisonFindings.ts";
import { count, date, duration, MISSING, metricWords, nats, percent, points, SEEN_WORDS } from "./format.ts";
import { codeBlock, markdownTable, plain } from "./markdown.ts";
import type { Interval } from "./statistics.ts";

/** A column of the table of results: its head, and what it says of a method. */
export interface Column {
  head: string;
  text(row: RowSummary): string;
}

/** The columns of figures: shares in per cent with the sample standard deviation; costs that no method names are left out. */
export function columnsOf({ task, rows }: Pick<ComparisonData, "task" | "rows">): Column[] {
  const words = metricWords(task);
  const shares: [string, (row: RowSummary) => RowSummary["ece"]][] = [
    [words.top1, ({ top1 }) => top1],
    [words.meanClass, ({ meanClass }) => meanClass],
  ];
  if (task === "segment") {
    shares.reverse();
    shares.push(["mean accuracy", ({ classAccuracy }) => classAccuracy]);
  }
  const share = ([head, pick]: (typeof shares)[number]): Column => ({
    head: `${head}, %`,
    text: (row) => plusMinus(pick(row), 100, 2),
  });
  const calibration: Column[] = task === "classify" ? [share(["ECE", ({ ece }) => ece])] : [];
  const live = rows.some(({ seeds }) => seeds.some(({ metrics }) => metrics.spoofing));
  return [
    ...shares.map(share),
    { head: "NLL", text: ({ nll }) => plusMinus(nll, 1, 3) },
    ...calibration,
    ...(live ? [share(["ACER", ({ acer }) => acer])] : []),
    { head: "seeds", text: ({ seeds }) => (seeds.length > 0 ? seeds.join(" ") : MISSING) },
    { head: "parameters", text: ({ parameters }) => count(parameters) },
    { head: "FLOPs", text: ({ flops }) => count(flops) },
    ...(rows.some(({ peakBytes }) => peakBytes !== undefined)
      ? [{ head: "memory", text: ({ peakBytes = Number.NaN }: RowSummary) => bytes(peakBytes) }]
      : []),
    ...(rows.some(({ predictSeconds }) => predictSeconds !== undefined)
      ? [{ head: "time an image", text: ({ predictSeconds = Number.NaN }: RowSummary) => milliseconds(predictSeconds) }]
      : []),
    { head: "training time", text: ({ trainSeconds }) => duration(trainSeconds) },
  ];
}

/**
 * Renders a comparison as Markdown: findings, tables of results, of paired differences and of classes, what is missing; with the
 * figures that lie beside it under these names, one for each direction.
 * @throws ShapeError if the parts of `data` do not fit together.
 */
export function renderComparisonMarkdown(
  data: ComparisonData,
  analysis: ComparisonAnalysis = analyseComparison(data),
  figures: ReadonlyMap<string, string> = new Map(),
): string {
  const settings = Object.entries(data.settings).map(([name, value]) => [name, String(value)]);
  const missing = data.missing.map(({ row, seed, command }) => `# ${row}, seed ${seed}\n${command}`);
  const parts = [
    `# ${plain(data.title)}`,
    plain(data.subtitle),
    ...analysis.tables.map((table) => tableText(data, table, figures.get(table.direction))),
    explanation(data, analysis)
      .map((text) => `- ${plain(text)}`)
      .join("\n"),
    missing.length > 0 && `## Not trained yet\n\n${codeBlock(missing.join("\n"))}`,
    `## Run again\n\n${plain(date(data.created))}, ${plain(data.dataset)}, ${plain(data.split)}.`,
    codeBlock(data.command),
    settings.length > 0 && markdownTable(["setting", "value"], settings, 2),
    data.notes.map((note) => `- ${plain(note)}`).join("\n"),
  ];
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

/** How the figures are to be read. */
export function explanation(data: ComparisonData, { draws }: ComparisonAnalysis): string[] {
  const grouped = data.groups ? "; images with a common origin are drawn together" : "";
  return [
    `All figures are of ${data.split} of ${data.dataset}: means over seeds ± sample standard deviation.`,
    "Differences are paired seed by seed; in NLL, which is in nats, below 0 is better. Over seeds: Student's t interval of 95% on these images. Over images: bootstrap interval of 95% of these networks.",
    `Bootstraps draw ${draws} times${grouped}. A difference counts as above or below 0 only if both intervals are; none is corrected for the number of comparisons.`,
    "With few seeds a bootstrap over seeds is too narrow; read it beside Student's interval.",
    "FLOPs, memory and time of prediction are of one image; a multiply-add counts as two. Training time is the mean over seeds, with the stages that methods share; it is that of the machine and driver on which a cell was trained, with whatever else ran there.",
  ];
}

/** A comparison with everything that was worked out, for other programs to read; numbers that are not finite become null. */
export function comparisonJson(data: ComparisonData, analysis: ComparisonAnalysis = analyseComparison(data)): string {
  const { rows: _, samples, groups: __, ...about } = data;
  const tables = analysis.tables.map((table) => ({ ...table, findings: tableFindings(data, table) }));
  const names = samples.map(({ name, truth, predictions }) => ({ name, truth, predictions }));
  return `${JSON.stringify({ format: "onestage-comparison-1", ...about, ...analysis, tables, samples: names }, null, 2)}\n`;
}

function tableText(data: ComparisonData, table: TableAnalysis, figure: string | undefined): string {
  const columns = columnsOf(data);
  const results = table.rows.map((row) => [
    row.label,
    SEEN_WORDS[row.sees],
    row.role,
    ...columns.map(({ text }) => text(row)),
  ]);
  const head = ["method", "sees at test", "role", ...columns.map(({ head }) => head)];
  const label = (id: string) => table.rows.find((row) => row.id === id)!.label;
  const differences = [table.differences, table.otherHeadDifferences].flatMap((list) =>
    list.length > 0
      ? [`### ${plain(label(list[0]!.of))} minus each other method, points`, differenceText(list, label)]
      : [],
  );
  const known = table.rows.filter(({ perClass }) => perClass.length > 0);
  const classes =
    known.length > 0 &&
    `### ${metricWords(data.task).perClass} of each class, %\n\n${markdownTable(
      ["class", ...known.map((row) => row.label)],
      data.classes.map((name, k) => [name, ...known.map(({ perClass }) => percent(perClass[k]!).replace("%", ""))]),
      1,
    )}`;
  return [
    `## ${plain(table.title)}`,
    tableFindings(data, table).map(plain).join(" "),
    figure && `![${plain(table.title)}: every method, and ${plain(label(table.reference))} minus each](${figure})`,
    markdownTable(head, results, 3),
    ...differences,
    classes,
  ]
    .filter(Boolean)
    .join("\n\n");
}

function differenceText(differences: readonly Difference[], label: (id: string) => string): string {
  const head = [
    "minus",
    "mean",
    "s.d.",
    "per seed",
    "over seeds",
    "over images",
    "over both",
    "verdict",
    "NLL",
    "over seeds",
  ];
  const rows = differences.map(({ minus, mean, sd, values, overSeeds, overImages, overBoth, verdict, nll }) => [
    label(minus),
    points(mean),
    Number.isFinite(sd) ? (sd * 100).toFixed(1) : MISSING,
    values.map(points).join(" ") || MISSING,
    ends(overSeeds),
    ends(overImages),
    intervalWords(overBoth) ?? MISSING,
    verdict,
    nats(nll.mean),
    ends(nll.overSeeds, nats),
  ]);
  return markdownTable(head, rows, 1);
}

/** An interval with where it lies. */
function ends(interval: Interval | null, show = points): string {
  return interval ? `${intervalWords(interval, show)}, ${verdictOf(interval)}` : MISSING;
}

function bytes(value: number): string {
  return Number.isFinite(value) ? `${Number((value / 2 ** 20).toPrecision(3))} MiB` : MISSING;
}

function milliseconds(seconds: number): string {
  return Number.isFinite(seconds) ? `${Number((1000 * seconds).toPrecision(3))} ms` : MISSING;
}

function plusMinus(spread: RowSummary["ece"], scale: number, decimals: number): string {
  if (!spread || !Number.isFinite(spread.mean)) return MISSING;
  const middle = (spread.mean * scale).toFixed(decimals);
  return Number.isFinite(spread.sd) ? `${middle} ± ${(spread.sd * scale).toFixed(decimals)}` : middle;
}
