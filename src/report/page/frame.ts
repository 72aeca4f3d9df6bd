import uPlotCode from "uplot/dist/uPlot.iife.min.js?raw" with { type: "text" };
import uPlotLicence from "uplot/LICENSE?raw" with { type: "text" };
import type { Chart } from "../charts.ts";
import { codeScript, Html, html, jsonScript } from "../html.ts";
import pageCode from "./page.js?raw" with { type: "text" };
import { styleSheet } from "./style.ts";

// The page may run what it carries and show pictures it carries; it may fetch nothing.
const POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

// uPlot asks for a number format in the browser's language as it loads, and some browsers name one that no format
// knows ("en-US@posix"); the charts write their numbers themselves, so any known language will do.
const KNOWN_LANGUAGE =
  'try{new Intl.NumberFormat(navigator.language)}catch{Object.defineProperty(navigator,"language",{value:"en"})}';

/** A part of a page with a heading; a body of null leaves it out. */
export type Section = [id: string, title: string, body: Html | null];

/** What a page holds. */
export interface Page {
  title: string;
  subtitle: string;
  /** Facts under the title; empty ones are left out. */
  meta: readonly string[];
  opening: Html;
  sections: readonly Section[];
  /** The page's numbers for other programs. */
  numbers: object;
  charts: readonly Chart[];
}

/** Renders one HTML page that carries its style, scripts and pictures and loads nothing. */
export function renderPage({ title, subtitle, meta, opening, sections, numbers, charts }: Page): string {
  const shown = sections.filter(([, , body]) => body !== null);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<title>${title}</title><link rel="icon" href="data:,">
<style>${new Html(styleSheet())}</style></head><body>
<a class="skip" href="#main">Skip to the result</a>
<header><button type="button" class="theme" aria-label="Switch between light and dark" hidden></button>
<h1>${title}</h1><p class="subtitle">${subtitle}</p>
<p class="meta">${meta.filter(Boolean).join(" · ")}</p>
<nav aria-label="Sections"><ul>${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav></header>
<main id="main" tabindex="-1">${opening}
${shown.map(([id, name, body]) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>${body}</section>\n`)}</main>
<footer>This page carries everything it shows and loads nothing. Its numbers are also inside it as JSON, in the element with the id “report-data”.</footer>
${jsonScript("report-data", numbers)}
${jsonScript("chart-data", charts)}
${charts.length > 0 && codeScript(`${KNOWN_LANGUAGE}\n/*!\nuPlot\n${uPlotLicence.trim()}\n*/\n${uPlotCode}`)}
${codeScript(pageCode)}
</body></html>
`;
  return page.text;
}
