/** A dense row-major float64 array: the value type of every oracle. */
export interface Arr {
  shape: number[];
  data: Float64Array;
}

/** Number of elements of a shape (1 for a scalar, shape []). */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Makes an array of `shape` from a copy of its elements or from one fill value.
 * @throws Error if the number of elements does not match the shape.
 */
export function arr(shape: readonly number[], data: ArrayLike<number> | number = 0): Arr {
  const size = sizeOf(shape);
  if (typeof data === "number") return { shape: [...shape], data: new Float64Array(size).fill(data) };
  if (data.length !== size) {
    throw new Error(`arr: shape [${shape}] needs ${size} elements, got ${data.length}`);
  }
  return { shape: [...shape], data: Float64Array.from(data) };
}

/** A rank-0 array. */
export function scalar(value: number): Arr {
  return arr([], value);
}

/** A deep copy. */
export function copy(x: Arr): Arr {
  return arr(x.shape, x.data);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Position in `data` of a multi-index; a stride of 0 repeats an axis. */
export function offsetOf(strides: readonly number[], index: readonly number[]): number {
  let offset = 0;
  for (let axis = 0; axis < strides.length; axis++) offset += strides[axis] * index[axis];
  return offset;
}

/** Visits every multi-index of `shape` in row-major order; `index` is reused between visits, so copy it to keep it. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[], flat: number) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  const size = sizeOf(shape);
  for (let flat = 0; flat < size; flat++) {
    visit(index, flat);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

/** A new array with `f` applied to every element. */
export function mapArr(x: Arr, f: (value: number, flat: number) => number): Arr {
  return { shape: [...x.shape], data: x.data.map(f) };
}

/** Splits [..., C] into its number of rows and the length C of its last axis. */
export function rowsOf(shape: readonly number[]): { rows: number; columns: number } {
  const columns = shape[shape.length - 1];
  return { rows: sizeOf(shape.slice(0, -1)), columns };
}

/** Sum of elementwise products of two equally sized arrays. */
export function dot(a: Arr, b: Arr): number {
  let total = 0;
  for (let i = 0; i < a.data.length; i++) total += a.data[i] * b.data[i];
  return total;
}

/** Largest absolute difference of two arrays; Infinity if the shapes differ, NaN if any element is NaN. */
export function maxDifference(a: Arr, b: Arr): number {
  if (a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.data.length; i++) largest = Math.max(largest, Math.abs(a.data[i] - b.data[i]));
  return largest;
}

/**
 * A reproducible stream of uniform numbers in [0, 1).
 * Source: linear congruential generator with the constants of Numerical Recipes (2nd ed., sec. 7.1).
 */
export function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** An array of uniform numbers in [low, high). */
export function randomArr(shape: readonly number[], seed: number, low = -1, high = 1): Arr {
  const next = lcg(seed);
  return mapArr(arr(shape), () => low + (high - low) * next());
}
