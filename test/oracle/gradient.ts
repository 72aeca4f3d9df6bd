import { type Arr, copy, dot, mapArr } from "./array.ts";
import { type FrozenTape, withFrozen } from "./frozen.ts";
import type { Attrs, Oracle } from "./types.ts";

/** How a central difference is taken. */
export interface DifferenceOptions {
  /** Step, relative to the larger of 1 and the magnitude of the varied element. */
  eps?: number;
  /** Elements to vary; all when left out. The result has one entry for each. */
  indices?: readonly number[];
}

// Truncation grows as eps^2 and rounding as 1/eps. For a value near 1 their sum is least near 1e-5; normalisation by
// a small variance curves a function more, so the step is a little shorter.
const defaultEps = 3e-6;

/** Divides `gap(f above, f below)` by the step for each varied element; detached values stay as they are at `inputs`. */
function differences<T>(
  f: (inputs: Arr[]) => T,
  gap: (above: T, below: T) => number,
  inputs: Arr[],
  which: number,
  options: DifferenceOptions = {},
): Float64Array {
  const { eps = defaultEps, indices = inputs[which].data.keys() } = options;
  const tape: FrozenTape = [];
  withFrozen("record", tape, () => f(inputs));
  const varied = copy(inputs[which]);
  const point = inputs.with(which, varied);
  const evaluate = () => withFrozen("replay", tape, () => f(point));
  return Float64Array.from(indices, (i) => {
    const value = inputs[which].data[i];
    const step = eps * Math.max(1, Math.abs(value));
    // The rounded points, not the wanted step, give the exact distance.
    const upper = value + step;
    const lower = value - step;
    varied.data[i] = upper;
    const above = evaluate();
    varied.data[i] = lower;
    const below = evaluate();
    varied.data[i] = value;
    return gap(above, below) / (upper - lower);
  });
}

/**
 * Partial derivatives of a scalar function with respect to elements of inputs[which].
 * Detached values are recorded at the given point and held there.
 */
export function centralDifference(
  f: (inputs: Arr[]) => number,
  inputs: Arr[],
  which: number,
  options?: DifferenceOptions,
): Float64Array {
  return differences(f, (above, below) => above - below, inputs, which, options);
}

/**
 * Derivative of a scalar function along one joint direction of its inputs (null leaves an input alone):
 * two evaluations whatever the number of elements. Detached values are held at the given point.
 */
export function directionalDifference(
  f: (inputs: Arr[]) => number,
  inputs: Arr[],
  directions: (Arr | null)[],
  eps: number = defaultEps,
): number {
  const tape: FrozenTape = [];
  withFrozen("record", tape, () => f(inputs));
  const along = (step: number) => {
    const moved = inputs.map((x, k) => {
      const direction = directions[k];
      return direction ? mapArr(x, (value, i) => value + step * direction.data[i]) : x;
    });
    return withFrozen("replay", tape, () => f(moved));
  };
  return (along(eps) - along(-eps)) / (2 * eps);
}

/**
 * The vector-Jacobian product dy * d oracle / d inputs[which], by central differences.
 * Outputs are subtracted one by one before they are weighed and summed, so a long sum loses no digits.
 */
export function numericVjp(
  oracle: Oracle,
  inputs: Arr[],
  attrs: Attrs,
  which: number,
  dy: Arr,
  options?: DifferenceOptions,
): Float64Array {
  const gap = (above: Arr, below: Arr) =>
    dot(
      mapArr(above, (value, i) => value - below.data[i]),
      dy,
    );
  return differences((point) => oracle(point, attrs), gap, inputs, which, options);
}
