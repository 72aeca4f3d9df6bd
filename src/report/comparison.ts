import type { PerImage } from "../model/metrics.ts";
import { ShapeError } from "../tensor/errors.ts";
import { checkPictures } from "./check.ts";
import type { Role, SampleReport, Seen } from "./types.ts";

/** What one network scored, every share in 0..1: `Metrics` as evaluation gives them, also when read back from JSON. */
export interface SeedMetrics {
  top1: number;
  meanClass: number;
  nll: number;
  /** Expected calibration error; images only. */
  ece?: number;
  /** Mean of the error rates of attacks and of live faces at the threshold 0.5; only where one of two classes is live. */
  spoofing?: { half: { acer: number } };
  /** Mean over the classes of the share of their pixels that are right; pixels only. */
  classAccuracy?: number;
  /** Null for a class that does not occur; may be empty. */
  perClass: readonly (number | null)[];
}

/** What training with one seed led to. */
export interface SeedResult {
  seed: number;
  /** Of the head that counts. */
  metrics: SeedMetrics;
  /** What that head said of each image; without it nothing is drawn anew. */
  perImage?: PerImage | null;
  /** The same of the mean of both heads, where there are two: shown as a row of its own if every seed has it. */
  averaged?: SeedMetrics | null;
  averagedPerImage?: PerImage | null;
  /** Of this network's own stages. */
  trainSeconds: number;
}

/** One method: a line of the tables. */
export interface ComparisonRow {
  /** Unique; the mean of both heads has the same with "+h" behind. */
  id: string;
  label: string;
  role: Role;
  /** What it is given at test time; "both" and "all" are shown in the tables of every direction. */
  direction: Seen;
  seeds: SeedResult[];
  /** Weights used at test time. */
  parameters: number;
  /** Operations for one image at test time: a multiply-add is two. */
  flops: number;
  /** Bytes on the device while one image is predicted: `PredictionCost.peakBytes`. */
  peakBytes?: number;
  /** Time to predict one image, in seconds. */
  predictSeconds?: number;
  /** Mean over the seeds, with the stages that it shares with others. */
  trainSeconds: number;
  /** What is different for the mean of both heads. */
  averaged?: Partial<Pick<ComparisonRow, "parameters" | "flops" | "predictSeconds">>;
}

/** One table: methods that are compared with each other, and the one that the differences are of. */
export interface ComparisonTable {
  title: string;
  direction: "rgb" | "depth" | "ir";
  /** Ids in the order shown; all rows of the direction where not given. */
  rows?: readonly string[];
  /** Id of the row whose differences to the others are shown, chosen before the scores were known. */
  reference: string;
  /** Ids between which the gap lies; null where there is none to speak of. */
  baseline: string | null;
  upper: string | null;
}

/** A training that has not been done, and the command that does it. */
export interface MissingCell {
  /** The id of the row. */
  row: string;
  seed: number;
  command: string;
}

/** Everything that the report of a comparison shows. */
export interface ComparisonData {
  title: string;
  subtitle: string;
  task: "classify" | "segment";
  dataset: string;
  /** The split that all figures are of. */
  split: string;
  /** ISO 8601 date and time. */
  created: string;
  /** The command line that makes this again. */
  command: string;
  settings: Record<string, string | number | boolean>;
  classes: string[];
  rows: ComparisonRow[];
  tables: ComparisonTable[];
  missing: MissingCell[];
  /** For each image of the split what it was taken from: images with the same number are drawn together. */
  groups?: readonly number[];
  /** Pictures of samples: input, truth, what networks said, what was restored beside what was seen. */
  samples: SampleReport[];
  notes: string[];
}

/** The rows with one more for the mean of both heads behind each row whose seeds all have it. */
export function withAveraged(rows: readonly ComparisonRow[]): ComparisonRow[] {
  return rows.flatMap((row) => {
    const { id, label, averaged: both } = row;
    const alone = row.seeds.map(({ averaged: _, averagedPerImage: __, ...rest }) => rest);
    const twin = row.seeds.flatMap(({ averaged, averagedPerImage, ...rest }) =>
      averaged ? [{ ...rest, metrics: averaged, perImage: averagedPerImage ?? null }] : [],
    );
    const rest = { ...row, seeds: alone };
    if (twin.length === 0 || twin.length < row.seeds.length) return [rest];
    return [rest, { ...rest, ...both, id: averagedId(id), label: `${label}, mean of both heads`, seeds: twin }];
  });
}

/** What stands behind a row's id in that of the row for the mean of both its heads. */
const AVERAGED = "+h";

/** The id of the row for the mean of both heads of the row with this id. */
export function averagedId(id: string): string {
  return `${id}${AVERAGED}`;
}

/** The id of the row for the same network's other answer: the fused head's, or the mean of both heads'. */
export function otherHeadId(id: string): string {
  return id.endsWith(AVERAGED) ? id.slice(0, -AVERAGED.length) : averagedId(id);
}

/** The rows of a table, in order. */
export function rowsOf(table: ComparisonTable, rows: readonly ComparisonRow[]): ComparisonRow[] {
  const { rows: ids, direction } = table;
  if (!ids) return rows.filter((row) => [direction, "both", "all"].includes(row.direction));
  return ids.flatMap((id) =>
    rows.filter((row) => row.id === id || (row.id === averagedId(id) && !ids.includes(row.id))),
  );
}

/**
 * Checks that the parts of a comparison fit together.
 * @throws ShapeError naming the row, seed or table that does not.
 */
export function checkComparison(data: ComparisonData): void {
  const expect = (holds: boolean, expected: string, got: string) => {
    if (!holds) throw new ShapeError("comparison", expected, got);
  };
  const rows = withAveraged(data.rows);
  const ids = rows.map(({ id }) => id);
  expect(new Set(ids).size === ids.length, "rows with different ids", ids.join(", "));
  let images = data.groups?.length;
  for (const { id, seeds } of rows) {
    const numbers = seeds.map(({ seed }) => seed);
    expect(new Set(numbers).size === numbers.length, `each seed of ${id} once`, numbers.join(", "));
    for (const { seed, metrics, perImage } of seeds) {
      const { length } = metrics.perClass;
      const count = data.classes.length;
      expect(length === 0 || length === count, `${count} entries in perClass of ${id}, seed ${seed}`, `${length}`);
      if (!perImage) continue;
      const kind = data.task === "classify" ? "classes" : "pixels";
      expect(perImage.kind === kind, `${kind} of each image of ${id}, seed ${seed}`, perImage.kind);
      const size = imagesOf(perImage);
      images ??= size;
      expect(size === images, `${images} images of ${id}, seed ${seed}, as the others`, `${size}`);
    }
  }
  for (const table of data.tables) {
    const shown = rowsOf(table, rows).map(({ id }) => id);
    for (const id of [...(table.rows ?? []), table.reference, table.baseline, table.upper]) {
      expect(id === null || shown.includes(id), `a row ${id} in the table "${table.title}"`, shown.join(", "));
    }
  }
  for (const { row } of data.missing)
    expect(ids.includes(row), `a row ${row} for the cell that is missing`, ids.join(", "));
  checkPictures(data.samples);
}

/** The number of images that were predicted; NaN where the counts of one do not fit together. */
function imagesOf(perImage: PerImage): number {
  const [first, second, each] =
    perImage.kind === "classes"
      ? [perImage.truth, perImage.predicted, 1]
      : [perImage.intersection, perImage.union, perImage.classes];
  return first.length === second.length ? first.length / each : Number.NaN;
}
