import uPlotCode from "uplot/dist/uPlot.iife.min.js?raw" with { type: "text" };
import uPlotLicence from "uplot/LICENSE?raw" with { type: "text" };
import { charts } from "./charts.ts";
import { checkReport } from "./check.ts";
import { findings } from "./findings.ts";
import { date, duration } from "./format.ts";
import { codeScript, Html, html, jsonScript } from "./html.ts";
import pageCode from "./page/page.js?raw" with { type: "text" };
import { styleSheet } from "./page/style.ts";
import { looks } from "./palette.ts";
import { bars } from "./sections/bars.ts";
import { classes } from "./sections/classes.ts";
import { confusion } from "./sections/confusion.ts";
import { curves } from "./sections/curves.ts";
import { notes, numbers, settings } from "./sections/details.ts";
import { gallery } from "./sections/gallery.ts";
import { hero } from "./sections/hero.ts";
import type { ReportData } from "./types.ts";

// The page may run what it carries and show pictures it carries; it may fetch nothing.
const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

// uPlot asks for a number format in the browser's language as it loads, and some browsers name one that no format
// knows ("en-US@posix"); the charts write their numbers themselves, so any known language will do.
const KNOWN_LANGUAGE =
  'try{new Intl.NumberFormat(navigator.language)}catch{Object.defineProperty(navigator,"language",{value:"en"})}';

/**
 * Renders a training run as one HTML page that carries its style, scripts and pictures and loads nothing.
 * @throws ShapeError if lists of `data` do not fit together.
 */
export function renderReport(data: ReportData): string {
  checkReport(data);
  const look = looks(data.networks);
  const drawings = charts(data, look);
  const sections: [id: string, title: string, body: Html | null][] = [
    ["accuracy", "Accuracy", data.networks.length > 0 ? bars(data, look) : null],
    ["numbers", "All numbers", data.networks.length > 0 ? numbers(data, look) : null],
    ["classes", "Classes", classes(data, look)],
    ["confusion", "Confusion", confusion(data)],
    ["curves", "Training", curves(drawings)],
    ["samples", "Samples", gallery(data, look)],
    ["notes", "Notes", notes(data)],
    ["run", "Run again", settings(data)],
  ];
  const shown = sections.filter(([, , body]) => body !== null);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${data.title}</title><link rel="icon" href="data:,">
<style>${new Html(styleSheet())}</style></head><body>
<a class="skip" href="#main">Skip to the result</a>
<header><button type="button" class="theme" aria-label="Switch between light and dark" hidden></button>
<h1>${data.title}</h1><p class="subtitle">${data.subtitle}</p>
<p class="meta">${[date(data.created), data.adapter, `${duration(data.seconds)} in all`].filter(Boolean).join(" · ")}</p>
<nav aria-label="Sections"><ul>${shown.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav></header>
<main id="main" tabindex="-1">${hero(data, look)}
${shown.map(([id, title, body]) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>\n`)}</main>
<footer>This page carries everything it shows and loads nothing. Its numbers are also inside it as JSON, in the element with the id “report-data”.</footer>
${jsonScript("report-data", plainNumbers(data))}
${jsonScript("chart-data", drawings)}
${drawings.length > 0 && codeScript(`${KNOWN_LANGUAGE}\n/*!\nuPlot\n${uPlotLicence.trim()}\n*/\n${uPlotCode}`)}
${codeScript(pageCode)}
</body></html>
`;
  return page.text;
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
