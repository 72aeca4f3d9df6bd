import type { Comparison } from "../../bench/compare.ts";
import type { Ceilings, Row } from "../../bench/result.ts";
import { percent, rowCells, rowHeader, time } from "../../bench/text.ts";
import type { Line } from "./table.ts";

// The columns of the command line's table that a page has room for, and those without which there is room to compare.
const ALONE = ["case", "time", "±", "first", "FLOP/s", "B/s", "of ceiling", "dispatches"];
const COMPARED = ["case", "time", "±", "FLOP/s", "of ceiling"];

/** The header of the rows of cases, with columns for what they are compared with. */
export function caseHeader(comparison: Comparison | null): string[] {
  return comparison ? [...COMPARED, "in the file", "ratio", "noise", "beyond it"] : ALONE;
}

/** The cases as rows of a table: how long, how fast, and how much longer than in a file. */
export function caseLines(rows: readonly Row[], ceilings: Ceilings | null, comparison: Comparison | null): Line[] {
  const columns = (comparison ? COMPARED : ALONE).map((name) => rowHeader.indexOf(name));
  const changes = new Map(comparison?.changes.map((change) => [change.name, change]));
  return rows.map((row) => {
    const all = rowCells(row, ceilings);
    const cells = columns.map((column) => all[column]!);
    if (!comparison) return { cells };
    const found = changes.get(`${row.group} ${row.name}`);
    if (!found) return { cells: [...cells, "–", "–", "–", "not in the file"] };
    const { before, change, band, verdict } = found;
    const beyond = verdict === "same" ? "no" : verdict;
    const more = [time(before), `${(1 + change).toFixed(2)}×`, `±${percent(band)}`, beyond];
    return { cells: [...cells, ...more], mark: verdict };
  });
}
