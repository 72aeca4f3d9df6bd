import { type Look, termLook } from "./palette.ts";
import type { CurveReport, ReportData } from "./types.ts";

/** One line of a chart; null where there is no value. */
export interface Series extends Pick<Look, "color" | "dash"> {
  name: string;
  values: (number | null)[];
}

/** One chart over epochs, ready to draw. */
export interface Chart {
  title: string;
  note: string;
  percent: boolean;
  /** Logarithmic value axis. */
  log: boolean;
  /** A value worth a line of its own. */
  threshold?: number;
  epochs: number[];
  series: Series[];
}

/** What the usual loss terms are, in words. */
export const TERM_WORDS: Record<string, string> = {
  total: "total",
  task: "task (cross entropy)",
  hall: "cross entropy of the restoring stream",
  mmd: "features (MMD)",
  kl: "predictions (KL)",
  translation: "translation",
};

/** Mean |J2| under which the translators count as collapsed. */
const COLLAPSE = 0.05;

type Line = Look & { name: string; epochs: number[]; values: (number | null)[] };

/** Builds every chart of a report that has something to show. */
export function charts(data: ReportData, looks: Map<string, Look>): Chart[] {
  const overall = (pick: (curve: CurveReport) => (number | null)[] | undefined): Line[] =>
    data.curves.flatMap((curve, i) => {
      const values = pick(curve);
      const name = data.networks.find((network) => network.id === curve.network)?.title ?? curve.network;
      return values ? [{ ...(looks.get(curve.network) ?? termLook(i)), name, epochs: curve.epochs, values }] : [];
    });
  const accuracy = data.task === "classify" ? "accuracy" : "pixel accuracy";
  const list = [
    chart(
      "Task loss in training",
      "mean over each epoch; lower is better",
      overall(({ losses }) => losses.task ?? losses.total),
    ),
    chart(
      `Validation ${accuracy}`,
      "higher is better",
      overall(({ valTop1 }) => valTop1),
      { percent: true },
    ),
    chart(
      `Training ${accuracy}`,
      "on augmented training data",
      overall(({ trainTop1 }) => trainTop1),
      { percent: true },
    ),
    ...data.curves.map((curve) => terms(data, curve)),
    chart(
      "Size of the translators' code",
      `mean |J2|; below ${COLLAPSE} they have collapsed`,
      overall(({ translatorMean }) => translatorMean),
      { threshold: COLLAPSE },
    ),
  ];
  return list.filter((entry) => entry !== null);
}

function terms(data: ReportData, curve: CurveReport): Chart | null {
  const order = Object.keys(TERM_WORDS);
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const names = Object.keys(curve.losses).sort((a, b) => place(a) - place(b));
  if (!names.some((name) => name !== "task" && name !== "total")) return null;
  const lines = names.map((name, i) => ({
    ...termLook(i),
    name: TERM_WORDS[name] ?? name,
    epochs: curve.epochs,
    values: curve.losses[name],
  }));
  const sizes = names.flatMap((name) => curve.losses[name]).filter((value) => value > 0);
  const log = Math.max(...sizes) / Math.min(...sizes) > 30;
  const title = data.networks.find((network) => network.id === curve.network)?.title ?? curve.network;
  return chart(`Loss terms of ${title}`, log ? "logarithmic axis" : "as logged", lines, { log });
}

function chart(
  title: string,
  note: string,
  lines: Line[],
  options: Partial<Pick<Chart, "percent" | "log" | "threshold">> = {},
): Chart | null {
  const { percent = false, log = false, threshold } = options;
  const shown = (value: number | null) =>
    value !== null && Number.isFinite(value) && !(log && value <= 0) ? value : null;
  const drawn = lines.filter((line) => line.values.some((value) => shown(value) !== null));
  if (drawn.length === 0) return null;
  const epochs = [...new Set(drawn.flatMap((line) => line.epochs))].filter(Number.isFinite).sort((a, b) => a - b);
  const series = drawn.map(({ name, color, dash, ...line }) => {
    const at = new Map(line.epochs.map((epoch, i) => [epoch, shown(line.values[i])]));
    return { name, color, dash, values: epochs.map((epoch) => at.get(epoch) ?? null) };
  });
  return { title, note, percent, log, threshold, epochs, series };
}
