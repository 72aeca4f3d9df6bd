import { charts } from "./charts.ts";
import { checkReport } from "./check.ts";
import { findings } from "./findings.ts";
import { date, duration } from "./format.ts";
import { renderPage } from "./page/frame.ts";
import { looks } from "./palette.ts";
import { bars } from "./sections/bars.ts";
import { classes } from "./sections/classes.ts";
import { confusion } from "./sections/confusion.ts";
import { curves } from "./sections/curves.ts";
import { notes, numbers, settings } from "./sections/details.ts";
import { gallery } from "./sections/gallery.ts";
import { hero } from "./sections/hero.ts";
import type { ReportData } from "./types.ts";

/**
 * Renders a training run as one HTML page that carries its style, scripts and pictures and loads nothing.
 * @throws ShapeError if lists of `data` do not fit together.
 */
export function renderReport(data: ReportData): string {
  checkReport(data);
  const look = looks(data.networks);
  const drawings = charts(data, look);
  return renderPage({
    title: data.title,
    subtitle: data.subtitle,
    meta: [date(data.created), data.adapter, `${duration(data.seconds)} in all`],
    opening: hero(data, look),
    sections: [
      ["accuracy", "Accuracy", data.networks.length > 0 ? bars(data, look) : null],
      ["numbers", "All numbers", data.networks.length > 0 ? numbers(data, look) : null],
      ["classes", "Classes", classes(data, look)],
      ["confusion", "Confusion", confusion(data)],
      ["curves", "Training", curves(drawings)],
      ["samples", "Samples", gallery(data, look)],
      ["notes", "Notes", notes(data.notes)],
      ["run", "Run again", settings(data)],
    ],
    numbers: plainNumbers(data),
    charts: drawings,
  });
}

/** The report without its pictures, and with the comparison worked out, for other programs to read. */
function plainNumbers(data: ReportData): object {
  const samples = data.samples.map(({ name, truth, predictions }) => ({ name, truth, predictions }));
  const compared = findings(data).map(({ seen, ours, baseline, upper, gain, closed, resolution }) => ({
    seen,
    ours: ours.id,
    baseline: baseline?.id ?? null,
    upper: upper?.id ?? null,
    gain,
    closed,
    resolution,
  }));
  return { ...data, samples, findings: compared };
}
