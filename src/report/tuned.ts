import type { TunedJob } from "../tensor/tune.ts";
import { number } from "./format.ts";

/** Times of jobs as a table, those on which tuning saves most first. */
export function renderTuned(jobs: readonly TunedJob[]): string {
  const saved = ({ seconds, preferred, chosen }: TunedJob) => (seconds[preferred] ?? 0) - (seconds[chosen] ?? 0);
  const rows = [...jobs]
    .sort((a, b) => saved(b) - saved(a))
    .map((job) => [gainOf(job), job.chosen, job.preferred, timesOf(job), job.key]);
  const table = [["gain", "chosen", "preferred", "times", "job"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ");
  return `${table.map((row) => line(row).trimEnd()).join("\n")}\n`;
}

/** How many times faster the chosen variant is than the preferred one; nothing where they are the same. */
function gainOf({ seconds, preferred, chosen }: TunedJob): string {
  return chosen === preferred ? "" : `${(seconds[preferred]! / seconds[chosen]!).toFixed(2)}×`;
}

function timesOf({ seconds }: TunedJob): string {
  const times = Object.entries(seconds).sort(([, a], [, b]) => a - b);
  return times.map(([variant, time]) => `${variant} ${number(Number((1000 * time).toPrecision(3)))} ms`).join(", ");
}
