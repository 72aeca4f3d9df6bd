/** What repeated measurements of one thing say; times in milliseconds. */
export interface Summary {
  n: number;
  median: number;
  min: number;
  p90: number;
  /** Robust relative spread: 1.4826 · median absolute deviation / median, which is σ/µ for a normal distribution. */
  spread: number;
}

/** Changes below this share are never called changes: two runs of one program on one machine differ by as much. */
export const FLOOR = 0.05;

// Fewer measurements than this say nothing about their own spread.
const FEW = 3;
const UNKNOWN = 0.25;

/** The middle value; the mean of both middle ones where their number is even; NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share of the values lies, interpolated between neighbours; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/** Sums up measurements of one thing. */
export function summarise(values: readonly number[]): Summary {
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return {
    n: values.length,
    median: middle,
    min: Math.min(...values),
    p90: quantile(values, 0.9),
    spread: middle > 0 ? (1.4826 * deviation) / middle : 0,
  };
}

/**
 * The relative change of a median that noise alone may explain: three standard errors of the difference of two medians
 * (the error of a median is 1.2533 σ/√n), but at least FLOOR, and 25 % where one side was measured less than 3 times.
 */
export function noiseBand(before: Summary, after: Summary): number {
  if (Math.min(before.n, after.n) < FEW) return UNKNOWN;
  const error = ({ spread, n }: Summary) => (1.2533 * spread) / Math.sqrt(n);
  return Math.max(FLOOR, 3 * Math.hypot(error(before), error(after)));
}

/** The straight line y = fixed + slope · x of least relative squares, so that small and large points count alike. */
export function fitLine(points: readonly { x: number; y: number }[]): { fixed: number; slope: number } {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (const { x, y } of points) {
    const weight = 1 / (y * y);
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  return { fixed: (wy - slope * wx) / w, slope };
}
