import { type Html, html, jsonScript, Html as Raw } from "../src/report/html.ts";
import { styleSheet } from "../src/report/page/style.ts";
import type { Comparison } from "./compare.ts";
import { adapterName } from "./facts.ts";
import { logPlot, plotStyle, type Series } from "./plot.ts";
import type { Result, ScalingCurve } from "./result.ts";
import { roofline } from "./roofline.ts";
import { fitLine } from "./statistics.ts";
import {
  ceilingsText,
  factsText,
  gainNotes,
  linearity,
  mebibytes,
  rowCells,
  rowHeader,
  stepNotes,
  time,
} from "./text.ts";

// The page shows what it carries and may fetch nothing.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; img-src data:";

/** A whole run as one HTML page that loads nothing. */
export function renderBench(result: Result, comparison: Comparison | null): string {
  const { facts, ceilings, rows } = result;
  const sections: [string, Html | null][] = [
    ["Roofline", ceilings && rows.some(({ group }) => group === "kernel") ? roofline(rows, ceilings) : null],
    ["Cases", rows.length > 0 ? cases(result) : null],
    ["Scaling", result.scaling.length > 0 ? html`${result.scaling.map(scaling)}` : null],
    ["Peers", result.peers.length > 0 ? peers(result) : null],
    ["Against an earlier run", comparison && changes(comparison)],
    ["Machine", machine(result)],
  ];
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<title>onestage bench</title><link rel="icon" href="data:,">
<style>${new Raw(styleSheet())}${plotStyle}</style></head><body>
<header><h1>onestage bench</h1><p class="subtitle">${adapterName(facts.adapter)}</p>
<p class="meta">${facts.date}${facts.adapter.software && " · a software adapter: the processor computes"}</p></header>
<main>${sections.map(([title, body]) => body && html`<section><h2>${title}</h2>${body}</section>\n`)}</main>
<footer>This page carries everything it shows and loads nothing. Its numbers are also inside it as JSON, in the element with the id “bench-data”.</footer>
${jsonScript("bench-data", result)}
</body></html>
`;
  return page.text;
}

function grid(header: readonly string[], body: readonly (readonly string[])[], classes: readonly string[] = []): Html {
  return html`<div class="scroll"><table class="numbers"><thead><tr>${header.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${body.map((row, i) => html`<tr class="${classes[i] ?? ""}">${row.map((cell, column) => (column === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}</tr>\n`)}</tbody></table></div>`;
}

function list(lines: readonly string[]): Html | null {
  return lines.length > 0 ? html`<ul class="notes">${lines.map((line) => html`<li>${line}</li>`)}</ul>` : null;
}

function cases({ rows, ceilings, skipped }: Result): Html {
  const left = skipped.map(({ name, reason }) => `left out: ${name} (${reason})`);
  return html`${grid(
    rowHeader,
    rows.map((row) => rowCells(row, ceilings)),
  )}${list([...gainNotes(rows), ...stepNotes(rows), ...left])}`;
}

function scaling({ axis, scenario, points, skipped }: ScalingCurve): Html {
  const curve = (name: string, color: string, value: (point: (typeof points)[number]) => number): Series => ({
    name,
    color,
    line: true,
    points: points.map((point) => ({
      x: point.x,
      y: value(point),
      title: `${axis} ${point.x}: ${time(point.time.median)}, ${mebibytes(point.peak)}`,
    })),
  });
  const { slope } = fitLine(points.map(({ flops, time: taken }) => ({ x: flops, y: taken.median })));
  const proportional = curve("in proportion to the work", "#777", ({ flops }) => slope * flops);
  const times = [curve("step time", "#1f77d0", (point) => point.time.median), { ...proportional, dashed: true }];
  const memory = [curve("peak memory", "#d9541e", (point) => point.peak / 2 ** 20)];
  return html`<h3>${scenario}</h3><p class="small">${linearity(points)}</p><div class="cards">
${logPlot(`Step time by ${axis}`, axis, "ms", times)}${logPlot(`Peak memory by ${axis}`, axis, "MiB", memory)}</div>
${list(skipped.map(({ name, reason }) => `left out: ${name} (${reason})`))}`;
}

function peers({ peers: results }: Result): Html {
  const rows = results.flatMap(({ name, engines, ratio, fastest }) =>
    engines.map((row) => [
      name,
      `${row.engine} ${row.version ?? ""}`,
      row.skipped ?? (row.time ? time(row.time.median) : "–"),
      row.error === undefined ? "–" : row.error.toExponential(1),
      row.right === false ? "wrong" : row.engine === fastest ? `${ratio!.toFixed(2)}x ours` : "",
      String(row.dispatches ?? "–"),
      String(row.submits ?? "–"),
      mebibytes(row.memory?.peak),
    ]),
  );
  return grid(["case", "engine", "time", "error", "ratio", "dispatches", "submits", "peak memory"], rows);
}

function changes({ changes: all, warnings }: Comparison): Html {
  const cells = all.map(({ name, before, after, change, band, verdict }) => [
    name,
    time(before),
    time(after),
    `${change > 0 ? "+" : ""}${(100 * change).toFixed(1)} %`,
    `±${(100 * band).toFixed(1)} %`,
    verdict,
  ]);
  const classes = all.map(({ verdict }) => verdict);
  return html`${list(warnings)}${grid(["case", "before", "now", "change", "noise", ""], cells, classes)}`;
}

function machine({ facts, ceilings }: Result): Html {
  const { limits, features } = facts.adapter;
  return html`<pre>${factsText(facts)}${ceilings && ceilingsText(ceilings)}toggles   ${facts.toggles.join(" ")}
features  ${features.join(" ")}</pre><details><summary>Limits</summary>${grid(
    ["limit", "value"],
    Object.entries(limits).map(([name, value]) => [name, String(value)]),
  )}</details>`;
}
