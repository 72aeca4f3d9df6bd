import { Html, html } from "./html.ts";
import type { NetworkReport, Role, Seen } from "./types.ts";

/** How one network looks in every chart: what it sees gives the hue, its role the shape and the dashes. */
export interface Look {
  /** Name of the CSS variable of its colour. */
  color: string;
  /** Lengths of dashes and gaps in pixels; empty for a solid line. */
  dash: number[];
  role: Role;
}

const GREENS: [string, string][] = [
  ["#2c7a4b", "#67c78d"],
  ["#68781c", "#b1c25a"],
  ["#47705f", "#8fbba8"],
  ["#5b6b3a", "#a3b67d"],
];

/** Hues by what is seen: warm for colour, cool for depth, violet for infrared, green for several. Each pair is [on light, on dark]. */
const HUES: Record<Seen, [string, string][]> = {
  rgb: [
    ["#c2410c", "#ff8f5e"],
    ["#9a6b1f", "#d9ab62"],
    ["#9d4b73", "#dd8fb4"],
    ["#7a5a4c", "#bfa08f"],
    ["#8c2033", "#f0909c"],
    ["#7d7400", "#cdc157"],
  ],
  depth: [
    ["#1d5fc4", "#74aaff"],
    ["#56789a", "#9db8d3"],
    ["#6a55c8", "#ab9cf5"],
    ["#237a94", "#62bdd6"],
    ["#27348b", "#98a6f5"],
    ["#1a776f", "#60c2b8"],
  ],
  ir: [
    ["#7a2ea0", "#cb8ff0"],
    ["#845b8f", "#c3a3cf"],
    ["#a3397f", "#ea93cb"],
    ["#5b4a8a", "#a99bd6"],
  ],
  both: GREENS,
  all: GREENS,
};

const TERMS: [string, string][] = [
  ["#2b2a27", "#efece6"],
  ["#c2410c", "#ff8f5e"],
  ["#1d5fc4", "#74aaff"],
  ["#2c7a4b", "#67c78d"],
  ["#8a3fa0", "#cf94e2"],
  ["#96690f", "#dcae57"],
  ["#237a94", "#62bdd6"],
  ["#9d4b73", "#dd8fb4"],
];

const DASHES: Record<Role, number[]> = { ours: [], baseline: [7, 4], "upper bound": [2, 3], privileged: [8, 3, 2, 3] };

/** The CSS variables of all chart colours for one theme, "0" for light and "1" for dark. */
export function paletteCss(theme: 0 | 1): string {
  const rows = Object.entries(HUES).flatMap(([seen, pairs]) => pairs.map((pair, i) => `--${seen}${i}:${pair[theme]}`));
  return [...rows, ...TERMS.map((pair, i) => `--term${i}:${pair[theme]}`)].join(";");
}

/** Gives every network its look; the first of ours gets the strongest colour of its hue. */
export function looks(networks: NetworkReport[]): Map<string, Look> {
  const result = new Map<string, Look>();
  for (const seen of ["rgb", "depth", "ir", "both", "all"] as const) {
    const group = networks.filter((network) => network.seen === seen);
    const strong =
      group.find((network) => network.role === "ours") ??
      group.find((network) => network.seen === "both" || network.seen === "all");
    let next = 0;
    for (const network of group) {
      const index = network === strong ? 0 : 1 + (next++ % (HUES[seen].length - 1));
      result.set(network.id, { color: `--${seen}${index}`, dash: DASHES[network.role], role: network.role });
    }
  }
  return result;
}

/** The look of the n-th loss term. */
export function termLook(index: number): Look {
  const dash = index < TERMS.length ? [] : [4, 3];
  return { color: `--term${index % TERMS.length}`, dash, role: "ours" };
}

const SHAPES: Record<Role, string> = {
  ours: '<circle cx="6" cy="6" r="4.6"/>',
  baseline: '<rect class="ring" x="2" y="2" width="8" height="8"/>',
  "upper bound": '<path d="M6 .6 11.4 6 6 11.4.6 6z"/>',
  privileged: '<path d="M6 1.2 11.4 10.6H.6z"/>',
};

/** A small shape in the network's colour, to recognise it by. */
export function marker(look: Look): Html {
  return html`<svg class="mark" viewBox="0 0 12 12" aria-hidden="true" style="--c:var(${look.color})">${shape(look)}</svg>`;
}

/** That shape by itself, in a square of 12 units. */
export function shape({ role }: Look): Html {
  return new Html(SHAPES[role]);
}

/** A short piece of the line that stands for a series. */
export function stroke({ color, dash }: Look): Html {
  return html`<svg class="stroke" viewBox="0 0 26 8" aria-hidden="true" style="--c:var(${color})"><path d="M0 4h26" stroke-dasharray="${dash.join(" ")}"/></svg>`;
}
