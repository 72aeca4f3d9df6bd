import uPlot from "uplot";
import { number, percent } from "../../src/report/format.ts";
import { termLook } from "../../src/report/palette.ts";
import { make, say } from "../dom.ts";

/** One line: a value, or none, for each x. */
export interface Line {
  name: string;
  values: readonly (number | null)[];
}

/** What a chart shows. */
export interface ChartData {
  x: readonly number[];
  lines: readonly Line[];
}

/** How a chart writes its values. */
export interface ChartLook {
  /** What x is, for people who hear the chart. */
  unit: string;
  percent: boolean;
  /** Index of the first line's colour among those of loss terms. */
  firstColour?: number;
}

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A line chart whose legend hides and shows its lines; built anew when there are other lines. */
export class Chart {
  #plot: uPlot | null = null;
  #names: string | null = null;
  #buttons: HTMLButtonElement[] = [];
  #data: ChartData = { x: [], lines: [] };
  readonly #hidden = new Set<string>();

  /** `legend` is filled with a button for each line. */
  constructor(
    private readonly box: HTMLElement,
    private readonly legend: HTMLElement,
    private readonly look: ChartLook,
  ) {
    new ResizeObserver(() => this.#plot?.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot?.redraw(false));
  }

  /** Shows these lines. */
  show(data: ChartData): void {
    this.#data = data;
    const names = data.lines.map(({ name }) => name).join("\n");
    if (names !== this.#names) this.#build();
    this.#names = names;
    this.#plot!.setData(this.#table());
    this.#read(null);
    const last = data.lines.map(({ name, values }) => `${name} ${this.#text(lastOf(values))}`).join(", ");
    const x = data.x.at(-1);
    this.box.setAttribute("aria-label", x === undefined ? "Nothing yet" : `After ${x} ${this.look.unit}: ${last}`);
  }

  #build(): void {
    this.#plot?.destroy();
    const { lines } = this.#data;
    this.#buttons = lines.map(({ name }, i) => this.#button(name, i));
    this.legend.replaceChildren(...this.#buttons);
    const options: uPlot.Options = {
      width: this.box.clientWidth,
      height: this.box.clientHeight,
      legend: { show: false },
      padding: [8, 10, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: false, range: (_, low, high) => stretched(low, high) },
        y: { range: (_, low, high) => rangeOf(low, high, this.look.percent) },
      },
      axes: [
        { ...axis, grid: { show: false }, ticks: { stroke: () => colour("--rule"), size: 4 }, size: 30, incrs: WHOLE },
        {
          ...axis,
          grid: { stroke: () => colour("--rule"), width: 1 },
          ticks: { show: false },
          size: 52,
          gap: 6,
          values: (_, splits) => splits.map((value) => (this.look.percent ? percent(value, 0) : number(value))),
        },
      ],
      series: [{}, ...lines.map(({ name }, i) => this.#series(name, i))],
      hooks: { setCursor: [(plot) => this.#read(plot.cursor.idx ?? null)] },
    };
    this.#plot = new uPlot(options, this.#table(), this.box);
  }

  #series(name: string, i: number): uPlot.Series {
    const { color, dash } = this.#colour(i);
    const show = !this.#hidden.has(name);
    return { label: name, show, stroke: () => colour(color), dash, width: i === 0 ? 2.4 : 1.8, spanGaps: true };
  }

  #button(name: string, i: number): HTMLButtonElement {
    const button = make("button");
    button.type = "button";
    button.style.setProperty("--c", `var(${this.#colour(i).color})`);
    button.append(make("span", { text: name }), make("b"));
    button.setAttribute("aria-pressed", String(!this.#hidden.has(name)));
    button.addEventListener("click", () => {
      const shown = this.#hidden.delete(name);
      if (!shown) this.#hidden.add(name);
      button.setAttribute("aria-pressed", String(shown));
      this.#plot!.setSeries(i + 1, { show: shown });
    });
    return button;
  }

  #colour(i: number) {
    return termLook((this.look.firstColour ?? 0) + i);
  }

  #table(): uPlot.AlignedData {
    return [this.#data.x, ...this.#data.lines.map(({ values }) => values)] as uPlot.AlignedData;
  }

  /** Writes the values at an index, or the last ones, into the legend. */
  #read(index: number | null): void {
    for (const [i, { values }] of this.#data.lines.entries()) {
      const value = index === null ? lastOf(values) : (values[index] ?? null);
      say(this.#buttons[i]!.querySelector("b")!, this.#text(value));
    }
  }

  #text(value: number | null): string {
    if (value === null) return "–";
    return this.look.percent ? percent(value) : number(Number(value.toPrecision(3)));
  }
}

// Distances between two ticks: there is nothing between two steps.
const WHOLE = [1, 2, 5]
  .flatMap((first) => [0, 1, 2, 3, 4, 5].map((power) => first * 10 ** power))
  .sort((a, b) => a - b);

const axis: uPlot.Axis = { stroke: () => colour("--muted"), font: "12px system-ui, sans-serif" };

function stretched(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

function rangeOf(low: number | null, high: number | null, shares: boolean): [number, number] {
  if (shares || low === null || high === null) return [0, 1];
  return uPlot.rangeNum(Math.min(0, low), high, 0.1, true) as [number, number];
}

function lastOf(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}
