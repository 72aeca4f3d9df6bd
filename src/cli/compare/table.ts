import { duration } from "../../report/format.ts";
import type { Io } from "../io.ts";
import type { CellResult, CompareFolder } from "./folder.ts";
import type { Cell } from "./matrix.ts";

/** Where a cell stands: its main metric, being worked on, or neither. */
export type CellState = number | "running" | "open";

/** Tells how far a comparison is. */
export class Table {
  readonly #began = performance.now();
  #done = 0;

  private constructor(
    private readonly cells: readonly Cell[],
    private readonly states: Map<Cell, CellState>,
    private readonly io: Io,
  ) {}

  /** The table of some cells, of which those that have a result are done. */
  static async of({ cells, folder, io }: { cells: readonly Cell[]; folder: CompareFolder; io: Io }): Promise<Table> {
    const states = new Map<Cell, CellState>();
    for (const cell of cells) states.set(cell, mainMetric(await folder.readCell(cell)));
    return new Table(cells, states, io);
  }

  /** The cells that are neither done nor being worked on, in order. */
  open(): Cell[] {
    return this.cells.filter((cell) => this.states.get(cell) === "open");
  }

  /** Work on a cell begins. */
  begin(cell: Cell): void {
    this.states.set(cell, "running");
  }

  /** A cell is done; says how far it all is. */
  end(cell: Cell, result: CellResult): void {
    this.states.set(cell, mainMetric(result));
    this.#done++;
    const left = this.cells.filter((one) => typeof this.states.get(one) !== "number").length;
    const seconds = (performance.now() - this.#began) / 1000;
    this.io.say(
      `${cell.name} is done, ${left} of ${this.cells.length} cells to go${timeLeft(this.#done, left, seconds)}`,
    );
    for (const line of matrixText(this.cells, (one) => this.states.get(one)!)) this.io.say(`  ${line}`);
  }
}

/** The metric that tables compare: top-1 accuracy, or mean intersection over union; "open" without a result. */
export function mainMetric(result: CellResult | null): CellState {
  if (!result) return "open";
  const { metrics, perImage } = result;
  return perImage.kind === "pixels" ? metrics.meanClass : metrics.top1;
}

/** A comparison's state as lines: rows down, directions and seeds across, "…" where work is going on. */
export function matrixText(cells: readonly Cell[], state: (cell: Cell) => CellState): string[] {
  const columns = [...new Set(cells.map(columnOf))];
  const rows = [...new Set(cells.map(({ row }) => row.id))];
  const shown = (id: string, column: string) => {
    const cell = cells.find((one) => one.row.id === id && columnOf(one) === column)!;
    const value = state(cell);
    return typeof value === "number" ? (100 * value).toFixed(1) : value === "running" ? "…" : "·";
  };
  const width = Math.max(...columns.map(({ length }) => length)) + 2;
  const first = Math.max(...rows.map(({ length }) => length));
  const line = (head: string, rest: string[]) => head.padEnd(first) + rest.map((text) => text.padStart(width)).join("");
  return [
    line("", columns),
    ...rows.map((id) =>
      line(
        id,
        columns.map((column) => shown(id, column)),
      ),
    ),
  ];
}

/** Time that so many cells will take if they take as long as those that are done, for people. */
function timeLeft(done: number, left: number, seconds: number): string {
  return done === 0 ? "" : `, about ${duration((seconds / done) * left)} left`;
}

function columnOf({ direction, seed }: Cell): string {
  return `${direction} ${seed}`;
}
