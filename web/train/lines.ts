import { TERM_WORDS } from "../../src/report/charts.ts";
import type { ChartData } from "./chart.ts";
import type { Curve } from "./types.ts";

/** The losses of a network over its steps: the total, and its terms where there is more than one. */
export function lossChart(curve: Curve | undefined): ChartData {
  if (!curve) return { x: [], lines: [{ name: "total", values: [] }] };
  // How large the translators' code is, is measured beside the losses.
  const { total = [], translator: _, ...terms } = curve.losses;
  const order = Object.keys(TERM_WORDS);
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const names = Object.keys(terms).sort((a, b) => place(a) - place(b));
  const lines = names.length > 1 ? names.map((name) => ({ name: TERM_WORDS[name] ?? name, values: terms[name]! })) : [];
  return { x: curve.steps, lines: [{ name: "total", values: total }, ...lines] };
}

/** What share was right after each epoch. */
export function accuracyChart(curve: Curve | undefined): ChartData {
  const epochs = curve?.epochs ?? [];
  return {
    x: epochs.map((_, i) => i + 1),
    lines: [
      { name: "on new scenes", values: epochs.map(({ validation }) => validation) },
      { name: "while training", values: epochs.map(({ train }) => train) },
    ],
  };
}
