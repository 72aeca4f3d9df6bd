import { type Arr, arr, forEachIndex, mapArr, offsetOf, rowsOf, sizeOf, stridesOf } from "./array.ts";

/** Attributes of sum, mean and max: the axes to remove (negative counts from the end). */
export interface ReduceAttrs {
  axes: number[];
  keepDims?: boolean;
}

function reduce(x: Arr, attrs: ReduceAttrs, initial: number, combine: (total: number, value: number) => number): Arr {
  const axes = new Set(attrs.axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis)));
  const kept = x.shape.map((extent, axis) => (axes.has(axis) ? 1 : extent));
  const y = arr(kept, initial);
  const strides = stridesOf(kept).map((stride, axis) => (axes.has(axis) ? 0 : stride));
  forEachIndex(x.shape, (index, flat) => {
    const target = offsetOf(strides, index);
    y.data[target] = combine(y.data[target], x.data[flat]);
  });
  return attrs.keepDims ? y : { shape: x.shape.filter((_, axis) => !axes.has(axis)), data: y.data };
}

/** Sum over axes. */
export function sum([x]: Arr[], attrs: ReduceAttrs): Arr {
  return reduce(x, attrs, 0, (total, value) => total + value);
}

/** Mean over axes. */
export function mean([x]: Arr[], attrs: ReduceAttrs): Arr {
  const total = sum([x], attrs);
  const count = x.data.length / sizeOf(total.shape);
  return mapArr(total, (value) => value / count);
}

/** Maximum over axes. */
export function max([x]: Arr[], attrs: ReduceAttrs): Arr {
  return reduce(x, attrs, Number.NEGATIVE_INFINITY, Math.max);
}

/** Position of the first largest element of each row: [..., C] -> [...]. */
export function argmax([x]: Arr[]): Arr {
  const { rows, columns } = rowsOf(x.shape);
  const y = arr(x.shape.slice(0, -1));
  for (let row = 0; row < rows; row++) {
    for (let c = 1; c < columns; c++) {
      if (x.data[row * columns + c] > x.data[row * columns + y.data[row]]) y.data[row] = c;
    }
  }
  return y;
}

/** Logarithm of the softmax over the last axis. */
export function logSoftmax([x]: Arr[]): Arr {
  const { rows, columns } = rowsOf(x.shape);
  const y = arr(x.shape);
  for (let row = 0; row < rows; row++) {
    const logits = x.data.subarray(row * columns, (row + 1) * columns);
    let largest = Number.NEGATIVE_INFINITY;
    for (const logit of logits) largest = Math.max(largest, logit);
    let total = 0;
    for (const logit of logits) total += Math.exp(logit - largest);
    const logTotal = largest + Math.log(total);
    for (let c = 0; c < columns; c++) y.data[row * columns + c] = logits[c] - logTotal;
  }
  return y;
}

/** Softmax over the last axis. */
export function softmax(inputs: Arr[]): Arr {
  return mapArr(logSoftmax(inputs), Math.exp);
}

/** How many labels equal their target, and how many targets count. */
export function hits([labels, targets]: Arr[], { ignored }: { ignored: number }): Arr {
  const known = Array.from(targets!.data, (target) => target !== ignored);
  const right = known.filter((counts, i) => counts && labels!.data[i] === targets!.data[i]);
  return arr([2], [right.length, known.filter(Boolean).length]);
}
