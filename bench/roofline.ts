import { type Html, html } from "../src/report/html.ts";
import { logPlot, type PlotSize, type Series } from "./plot.ts";
import { attained, type Ceilings, judged, type Row } from "./result.ts";
import { percent, rate } from "./text.ts";

const families: [name: string, color: string, holds: (row: Row) => boolean][] = [
  ["matmul", "#1f77d0", ({ name }) => name.startsWith("matmul")],
  ["conv2d", "#d9541e", ({ name }) => /^conv2d \S+.*-\d+$/.test(name)],
  ["conv2d dx", "#e8a13a", ({ name }) => name.startsWith("conv2d") && name.endsWith(" dx")],
  ["conv2d dw", "#8a3ab9", ({ name }) => name.startsWith("conv2d") && name.endsWith(" dw")],
  ["other kernels", "#2a9d6f", ({ group }) => group === "kernel"],
];

/** Operations a second against operations per byte: under a slope the memory limits, under the flat part arithmetic. */
export function roofline(rows: readonly Row[], ceilings: Ceilings, size?: PlotSize): Html {
  const kernels = rows.filter(({ group, flops, bytes }) => group === "kernel" && flops && bytes);
  const left = new Set(kernels);
  const series = families.map(([name, color, holds]): Series => {
    const mine = [...left].filter(holds);
    for (const row of mine) left.delete(row);
    const points = mine.map((row) => {
      const speed = row.flops! / (judged(row).median / 1000);
      const title = `${row.name}: ${rate(speed, "FLOP")}, ${percent(attained(row, ceilings))} of the ceiling`;
      return { x: row.flops! / row.bytes!, y: speed / 1e9, title };
    });
    return { name, color, points };
  });
  const intensities = kernels.map(({ flops, bytes }) => flops! / bytes!);
  const knee = ceilings.flops / ceilings.bytes;
  const ends = [Math.min(...intensities, knee / 4), knee, Math.max(...intensities, knee * 4)];
  const roof = ends.map((x) => ({ x, y: Math.min(ceilings.flops, x * ceilings.bytes) / 1e9, title: "" }));
  const ceiling: Series = { name: "measured ceilings", color: "#777", points: roof, line: true, dashed: true };
  return html`<p class="lead">Each point is a kernel at one shape. Under the slope the memory limits, under the flat part arithmetic does; the distance to the line is what could still be won. A point can lie above the slope when its data stay in the cache.</p>
${logPlot("Roofline of the kernels", "operations per byte that must be moved", "GFLOP/s", [ceiling, ...series.filter(({ points }) => points.length > 0)], size)}`;
}
