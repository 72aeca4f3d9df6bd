import { Rng } from "../tensor/rng.ts";
import {
  type ComparisonData,
  type ComparisonRow,
  type ComparisonTable,
  checkComparison,
  otherHeadId,
  rowsOf,
  type SeedMetrics,
  withAveraged,
} from "./comparison.ts";
import { metricWords } from "./format.ts";
import { resampledScores } from "./resampled.ts";
import {
  drawSeeds,
  type Interval,
  mean,
  percentileInterval,
  standardDeviation,
  studentInterval,
} from "./statistics.ts";

/** Where an interval lies. */
export type Verdict = "above 0" | "below 0" | "includes 0" | "no interval";

/** A figure over seeds. */
export interface Spread {
  /** One value a seed. */
  values: number[];
  mean: number;
  /** Sample standard deviation; NaN of one seed. */
  sd: number;
}

type Costs = "parameters" | "flops" | "peakBytes" | "predictSeconds" | "trainSeconds";

/** What one method reached. */
export interface RowSummary extends Pick<ComparisonRow, "id" | "label" | "role" | Costs> {
  sees: ComparisonRow["direction"];
  seeds: number[];
  top1: Spread;
  meanClass: Spread;
  nll: Spread;
  ece: Spread | null;
  /** Of telling live faces from attacks, at the threshold 0.5; null where no class is the live one. */
  acer: Spread | null;
  classAccuracy: Spread | null;
  /** 95 % interval of the mean of the main metric over seeds; null of fewer than three. */
  interval: Interval | null;
  /** Mean over the seeds of each class's accuracy or intersection over union; NaN where it never occurs. */
  perClass: number[];
}

/** One method minus another in the main metric, seed by seed, a difference of shares; intervals are of 95 %. */
export interface Difference extends Spread {
  of: string;
  minus: string;
  /** The seeds that both have. */
  seeds: number[];
  /** Student's interval over seeds, on these very images. */
  overSeeds: Interval | null;
  /** Bootstrap interval over images, of these very networks. */
  overImages: Interval | null;
  /** Bootstrap interval over images and seeds. */
  overBoth: Interval | null;
  /** Above or below 0 only where the intervals over seeds and over images both are. */
  verdict: Verdict;
  /** The same of their NLLs, in nats: below 0 the first is better. */
  nll: NllDifference;
}

/** One method's NLL minus another's, seed by seed, with Student's interval over seeds. */
export interface NllDifference extends Spread {
  overSeeds: Interval | null;
}

/** The share of the gap between baseline and upper bound that the reference closes. */
export interface Gap {
  baseline: string;
  upper: string;
  seeds: number[];
  /** NaN where there is no gap. */
  closed: number;
  /** Bootstrap interval of 95 % over images and seeds. */
  interval: Interval | null;
}

/** What one table says. */
export interface TableAnalysis extends Pick<ComparisonTable, "title" | "direction" | "reference"> {
  rows: RowSummary[];
  /** The reference minus every row of another network. */
  differences: Difference[];
  /** The other answer of the reference's network minus the same rows: the mean of its heads, or the fused one; empty where it has one. */
  otherHeadDifferences: Difference[];
  gap: Gap | null;
}

/** What a comparison says. */
export interface ComparisonAnalysis {
  /** The metric that differences are of. */
  main: "top1" | "meanClass";
  /** Rounds of the bootstraps. */
  draws: number;
  tables: TableAnalysis[];
}

/** Intervals are given from so many seeds on. */
export const LEAST_SEEDS = 3;

/** One row with, for each of its seeds, the main metric on every round of images; null where it is not known. */
interface Scored {
  row: ComparisonRow;
  main: number[];
  nll: number[];
  drawn: (Float64Array | null)[];
}

/**
 * Works out means, paired differences and their intervals; the same data gives the same figures.
 * @throws ShapeError if the parts of `data` do not fit together.
 */
export function analyseComparison(data: ComparisonData, { draws = 2000 } = {}): ComparisonAnalysis {
  checkComparison(data);
  const { main } = metricWords(data.task);
  const rows = withAveraged(data.rows);
  const score = resampledScores(rows, data.groups, draws);
  const scored = new Map<string, Scored>();
  for (const row of rows) {
    const values = row.seeds.map(({ metrics }) => metrics[main]);
    scored.set(row.id, {
      row,
      main: values,
      nll: row.seeds.map(({ metrics }) => metrics.nll),
      drawn: row.seeds.map(({ perImage }) => (perImage ? score(perImage) : null)),
    });
  }
  return { main, draws, tables: data.tables.map((table) => analyseTable(table, rowsOf(table, rows), scored, main)) };
}

function analyseTable(
  table: ComparisonTable,
  rows: readonly ComparisonRow[],
  scored: ReadonlyMap<string, Scored>,
  main: "top1" | "meanClass",
): TableAnalysis {
  const { title, direction, reference } = table;
  const twin = otherHeadId(reference);
  const others = rows.filter(({ id }) => id !== reference && id !== twin);
  const differencesOf = (id: string) => others.map((row) => difference(scored.get(id)!, scored.get(row.id)!));
  return {
    title,
    direction,
    reference,
    rows: rows.map((row) => summaryOf(row, main)),
    differences: differencesOf(reference),
    otherHeadDifferences: rows.some(({ id }) => id === twin) ? differencesOf(twin) : [],
    gap: gapOf(table, scored),
  };
}

function summaryOf(row: ComparisonRow, main: "top1" | "meanClass"): RowSummary {
  const { id, label, role, parameters, flops, peakBytes, predictSeconds, trainSeconds, direction, seeds } = row;
  const all = seeds.map(({ metrics }) => metrics);
  const spread = (name: "top1" | "meanClass" | "nll") => spreadOf(all.map((metrics) => metrics[name]));
  const optional = (pick: (metrics: SeedMetrics) => number | undefined) => {
    const values = all.flatMap((metrics) => pick(metrics) ?? []);
    return values.length > 0 && values.length === all.length ? spreadOf(values) : null;
  };
  const perClass = (all[0]?.perClass ?? []).map((_, k) => {
    const known = all.flatMap(({ perClass }) => perClass[k] ?? []).filter(Number.isFinite);
    return mean(known);
  });
  return {
    ...{ id, label, role, parameters, flops, peakBytes, predictSeconds, trainSeconds },
    ...{ sees: direction, seeds: seeds.map(({ seed }) => seed) },
    top1: spread("top1"),
    meanClass: spread("meanClass"),
    nll: spread("nll"),
    ece: optional(({ ece }) => ece),
    acer: optional(({ spoofing }) => spoofing?.half.acer),
    classAccuracy: optional(({ classAccuracy }) => classAccuracy),
    interval: studentInterval(all.map((metrics) => metrics[main])),
    perClass,
  };
}

function spreadOf(values: number[]): Spread {
  return { values, mean: mean(values), sd: standardDeviation(values) };
}

/** The seeds that several rows have, with the place of each in each row. */
function common(rows: readonly ComparisonRow[]): { seed: number; at: number[] }[] {
  return rows[0]!.seeds.flatMap(({ seed }) => {
    const at = rows.map((row) => row.seeds.findIndex((other) => other.seed === seed));
    return at.includes(-1) ? [] : [{ seed, at }];
  });
}

function difference(a: Scored, b: Scored): Difference {
  const pairs = common([a.row, b.row]);
  const minusIn = (metric: "main" | "nll") => pairs.map(({ at: [i, j] }) => a[metric][i!]! - b[metric][j!]!);
  const [values, nll] = [minusIn("main"), minusIn("nll")];
  const enough = pairs.length >= LEAST_SEEDS;
  const drawn = enough ? pairs.map(({ at: [i, j] }) => minus(a.drawn[i!]!, b.drawn[j!]!)) : [];
  const known = drawn.filter((rounds) => rounds !== null);
  const complete = known.length === pairs.length && enough;
  const overSeeds = studentInterval(values);
  const overImages = complete ? percentileInterval(acrossSeeds(known)) : null;
  const overBoth = complete ? percentileInterval(drawSeeds(known, seedRng())) : null;
  const [seeds, images] = [verdictOf(overSeeds), verdictOf(overImages)];
  const agree = overImages === null || seeds === images || seeds === "no interval";
  return {
    of: a.row.id,
    minus: b.row.id,
    seeds: pairs.map(({ seed }) => seed),
    ...spreadOf(values),
    ...{ overSeeds, overImages, overBoth },
    verdict: agree ? seeds : "includes 0",
    nll: { ...spreadOf(nll), overSeeds: studentInterval(nll) },
  };
}

function gapOf({ reference, baseline, upper }: ComparisonTable, scored: ReadonlyMap<string, Scored>): Gap | null {
  if (baseline === null || upper === null) return null;
  const three = [reference, baseline, upper].map((id) => scored.get(id)!);
  const found = common(three.map(({ row }) => row));
  if (found.length === 0) return null;
  const means = three.map(({ main }, k) => mean(found.map(({ at }) => main[at[k]!]!)));
  const drawn = three.map(({ drawn }, k) => found.map(({ at }) => drawn[at[k]!]!));
  const complete = found.length >= LEAST_SEEDS && drawn.every((seeds) => seeds.every((rounds) => rounds !== null));
  let interval: Interval | null = null;
  if (complete) {
    // The same seeds are drawn for all three, whose rounds are of the same images.
    const [ours, low, high] = drawn.map((seeds) => drawSeeds(seeds, seedRng()));
    interval = percentileInterval(ours!.map((value, draw) => share(value, low![draw]!, high![draw]!)));
  }
  const closed = share(means[0]!, means[1]!, means[2]!);
  return { baseline, upper, seeds: found.map(({ seed }) => seed), closed, interval };
}

function share(ours: number, low: number, high: number): number {
  return high > low ? (ours - low) / (high - low) : Number.NaN;
}

/** Where an interval lies; touching 0 is not above it. */
export function verdictOf(interval: Interval | null): Verdict {
  if (!interval) return "no interval";
  return interval[0] > 0 ? "above 0" : interval[1] < 0 ? "below 0" : "includes 0";
}

function seedRng(): Rng {
  return new Rng(0, "comparison", "seeds");
}

function minus(a: Float64Array | null, b: Float64Array | null): Float64Array | null {
  return a && b ? a.map((value, draw) => value - b[draw]!) : null;
}

function acrossSeeds(rounds: readonly Float64Array[]): Float64Array {
  return rounds[0]!.map((_, draw) => mean(rounds.map((row) => row[draw]!)));
}
