import path from "node:path";
import { writeFileAtomic } from "../../data/node/atomic.ts";
import type { Dataset } from "../../data/sample.ts";
import { type Answering, methods } from "../../model/methods.ts";
import {
  analyseComparison,
  averagedId,
  type ComparisonData,
  type ComparisonRow,
  comparisonFigure,
  comparisonJson,
  renderComparison,
  renderComparisonMarkdown,
  type SampleReport,
  type SeedMetrics,
  withAveraged,
} from "../../report/index.ts";
import type { DatasetFacts } from "../../run/dataset.ts";
import { disposeMethod } from "../../run/stage.ts";
import { UsageError } from "../../tensor/errors.ts";
import { quoted } from "../flag.ts";
import { Gallery } from "../gallery.ts";
import type { Io } from "../io.ts";
import { shownSettings } from "../settings.ts";
import { openTrained, type Workplace } from "./cell.ts";
import type { CompareOptions } from "./compare.ts";
import { type CompareConfig, cellSettings } from "./config.ts";
import { type Deployment, measureDeployments } from "./deployment.ts";
import type { CellResult, CompareFolder } from "./folder.ts";
import { groupsOf } from "./groups.ts";
import { type Cell, stagesOf } from "./matrix.ts";

/** What the report of a comparison is made from. */
export interface ReportSource {
  file: string;
  options: CompareOptions;
  config: CompareConfig;
  cells: readonly Cell[];
  folder: CompareFolder;
  dataset: Dataset;
  facts: DatasetFacts;
  io: Io;
}

/** Writes report.md with its figures, report.html and results.json of the cells that are done, and says what is missing. */
export async function writeReport(place: Workplace, source: ReportSource): Promise<void> {
  const { folder, io, options } = source;
  const data = await comparisonData(place, source, await gallery(place, source));
  const write = (name: string, text: string) =>
    writeFileAtomic(path.join(folder.root, name), new TextEncoder().encode(text));
  const analysis = analyseComparison(data);
  const figures = new Map<string, string>();
  for (const table of analysis.tables) {
    const figure = comparisonFigure(data, table);
    if (figure === null) continue;
    const name = `figure-${table.direction}.svg`;
    figures.set(table.direction, name);
    await write(name, figure);
  }
  await write("report.md", renderComparisonMarkdown(data, analysis, figures));
  await write("report.html", renderComparison(data, analysis));
  const json = comparisonJson(data, analysis);
  await write("results.json", json.endsWith("\n") ? json : `${json}\n`);
  if (options.json) io.out(`${JSON.stringify(JSON.parse(json))}\n`);
  else io.out(`${renderComparisonMarkdown(data, analysis)}\n`);
  if (data.missing.length > 0) io.say(`${data.missing.length} cells are not done yet; the report lists them`);
}

async function comparisonData(
  place: Workplace,
  source: ReportSource,
  samples: SampleReport[],
): Promise<ComparisonData> {
  const { file, options, config, cells, folder, facts } = source;
  const found: [Cell, CellResult[]][] = [];
  const missing: ComparisonData["missing"] = [];
  const flags = { data: options.data, unlabelled: options.unlabelled, out: folder.root };
  const named = Object.entries(flags).flatMap(([name, at]) => (at ? [`--${name} ${quoted(path.basename(at))}`] : []));
  const command = ["onestage compare", quoted(path.basename(file)), ...named].join(" ");
  for (const direction of config.directions) {
    for (const row of config.rows) {
      const own = cells.filter((cell) => cell.row === row && cell.direction === direction);
      const done: CellResult[] = [];
      for (const cell of own) {
        const result = await folder.readCell(cell);
        if (result) done.push(result);
        else
          missing.push({ row: rowId(direction, row.id), seed: cell.seed, command: `${command} --cell ${cell.name}` });
      }
      found.push([own[0]!, done]);
    }
  }
  const rows = await rowsOf(place, found);
  const settings = cellSettings(config, { ...config.rows[0]!, settings: {} }, config.seeds[0]!, options);
  const id = (direction: string, of: string | null) => of && rowId(direction, of);
  const [width, height] = [facts.width, facts.height];
  const counts = Object.entries(facts.splits).map(([split, size]) => `${size} ${split}`);
  return {
    title: config.title,
    subtitle: `${facts.name}: ${facts.classes.length} classes, ${width}×${height} pixels, ${counts.join(" / ")} images; compared on ${facts.evaluation}.`,
    task: settings.task,
    ...{ dataset: facts.name, split: facts.evaluation, created: new Date().toISOString(), command },
    settings: shownSettings(settings, ["data", "unlabelled", "methods", "seed"]),
    classes: facts.classes,
    rows,
    tables: config.directions.map((direction) => ({
      title: `${{ rgb: "RGB", depth: "Depth", ir: "Infrared" }[direction]} alone at test time`,
      direction,
      rows: config.rows.map((row) => rowId(direction, row.id)),
      reference: referenceOf(source, rows, direction),
      baseline: id(direction, config.baseline),
      upper: id(direction, config.upper),
    })),
    groups: await groupNumbers(source),
    ...{ missing, samples, notes: config.about === null ? [] : [config.about] },
  };
}

/** For each image of the split a number for what it was cut out of, if that is known. */
async function groupNumbers({ config, options, dataset, facts }: ReportSource): Promise<number[] | undefined> {
  const groups = await groupsOf(config, options.data, dataset, facts.evaluation);
  const numbers = new Map([...new Set(groups)].map((group, i) => [group, i]));
  return groups?.map((group) => numbers.get(group)!);
}

/** The row whose differences are shown. @throws UsageError if its network has been trained and has no second head. */
function referenceOf({ file, config }: ReportSource, rows: readonly ComparisonRow[], direction: string): string {
  const ours = rowId(direction, config.ours);
  const both = averagedId(ours);
  if (config.head === "fused" || rows.find(({ id }) => id === ours)!.seeds.length === 0) return ours;
  if (withAveraged(rows).some(({ id }) => id === both)) return both;
  throw new UsageError(`${file}: head: expected fused, as ${config.ours} has one head, got averaged`);
}

function rowId(direction: string, id: string): string {
  return `${direction}-${id}`;
}

/** The rows, each of a cell and the results of all its seeds, with what their networks take where they are used. */
async function rowsOf(
  place: Workplace,
  found: readonly (readonly [Cell, readonly CellResult[]])[],
): Promise<ComparisonRow[]> {
  const wanted = found.flatMap(([cell, [first]]) => [
    ...(first ? [{ cell, head: "fused" as const }] : []),
    ...(first?.averaged ? [{ cell, head: "averaged" as const }] : []),
  ]);
  const measured = await measureDeployments(place, wanted);
  const of = (cell: Cell, head: Answering) =>
    measured[wanted.findIndex((one) => one.cell === cell && one.head === head)];
  return found.map(([cell, done]) => rowOf(cell, done, of(cell, "fused"), of(cell, "averaged")));
}

function rowOf(
  { row, direction, method }: Cell,
  done: readonly CellResult[],
  fused: Deployment | undefined,
  averaged: Deployment | undefined,
): ComparisonRow {
  const { title, role } = methods[method];
  const seconds = done.map(({ stages }) => stages.reduce((sum, stage) => sum + stage.seconds, 0));
  const [first] = done;
  return {
    id: rowId(direction, row.id),
    label: row.label ?? title,
    role: role === "step" ? "baseline" : role,
    direction: methods[method].seen,
    seeds: done.map(({ seed, metrics, perImage, averaged, averagedPerImage, stages }) => ({
      ...{ seed, metrics: metrics as SeedMetrics, perImage },
      ...{ averaged: averaged as SeedMetrics | null, averagedPerImage },
      trainSeconds: stages.at(-1)?.seconds ?? 0,
    })),
    parameters: fused?.parameters ?? Number.NaN,
    flops: first?.flops ?? Number.NaN,
    peakBytes: first?.peakBytes,
    predictSeconds: fused?.seconds,
    trainSeconds: seconds.reduce((sum, value) => sum + value, 0) / seconds.length,
    averaged: averaged && {
      parameters: averaged.parameters,
      flops: first!.averagedFlops,
      predictSeconds: averaged.seconds,
    },
  };
}

/**
 * Pictures of one seed's networks: the baseline's, ours and what ours learnt from. They are those of the first seed of which all lie
 * here, else of the first with ours; none where that does not.
 */
async function gallery(place: Workplace, { config, cells, folder }: ReportSource): Promise<SampleReport[]> {
  const [direction] = config.directions;
  const wanted = [config.baseline, config.ours, config.upper];
  const shownOf = (seed: number) =>
    cells
      .filter((cell) => cell.seed === seed && cell.direction === direction && wanted.includes(cell.row.id))
      .sort((a, b) => wanted.indexOf(a.row.id) - wanted.indexOf(b.row.id));
  const here = ({ stage }: Cell) => stagesOf(stage).every((one) => folder.isTrained(one));
  const oursOf = (shown: readonly Cell[]) => shown.find(({ row }) => row.id === config.ours);
  const seeds = config.seeds.map(shownOf).filter((shown) => shown.some((cell) => cell === oursOf(shown) && here(cell)));
  const shown = seeds.find((cells) => cells.every(here)) ?? seeds[0] ?? [];
  const ours = oursOf(shown);
  const stages = [...shown.map(({ stage }) => stage), ...Object.values(ours?.stage.earlier ?? {})];
  const own = [...new Map(stages.map((stage) => [stage.key, stage])).values()];
  if (!ours) return [];
  const pictures = new Gallery(place.dataset, place.facts, ours.stage.settings.task);
  for (const stage of own) {
    if (!folder.isTrained(stage)) continue;
    const method = await openTrained(place, stage);
    const row = shown.find((cell) => cell.stage.key === stage.key)?.row;
    const as = row ? { id: rowId(direction!, row.id), title: row.label ?? methods[stage.name].title } : null;
    await pictures.add(place.device, method, as);
    disposeMethod(method);
  }
  return pictures.result([ours.stage]);
}
