import { type ComparisonData, withAveraged } from "../comparison.ts";
import type { Look } from "../palette.ts";

/** Ours in a strong colour, the upper bound in green, what they are compared with in grey. */
export function comparisonLooks(data: ComparisonData): Map<string, Look> {
  const used = { rgb: 0, depth: 0, ir: 0, both: 0, all: 0 };
  return new Map(
    withAveraged(data.rows).map(({ id, role, direction }) => {
      const color = role === "ours" || role === "upper bound" ? `--${direction}${used[direction]++ % 4}` : "--muted";
      return [id, { color, dash: [], role }];
    }),
  );
}
