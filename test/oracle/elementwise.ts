import { arr, forEachIndex, mapArr, offsetOf, stridesOf } from "./array.ts";
import type { Attrs, Oracle } from "./types.ts";

/** Attributes of the parametrised unary ops. */
export interface UnaryAttrs {
  leakyRelu: { slope: number };
  affine: { scale: number; shift: number };
  clamp: { min: number; max: number };
  pow: { exponent: number };
}

/** Logistic function, written so that exp never overflows. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** GELU in its tanh form. Source: Hendrycks and Gimpel, arXiv 1606.08415. */
export function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** log(1 + exp(x)), written so that exp never overflows. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Scalar functions of the unary ops, keyed by op name. */
export const unaryFunctions: Record<string, (x: number, attrs: Attrs) => number> = {
  relu: (x) => Math.max(x, 0),
  leakyRelu: (x, { slope }: UnaryAttrs["leakyRelu"]) => (x > 0 ? x : slope * x),
  sigmoid,
  tanh: Math.tanh,
  gelu,
  silu: (x) => x * sigmoid(x),
  softplus,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  square: (x) => x * x,
  abs: Math.abs,
  neg: (x) => -x,
  reciprocal: (x) => 1 / x,
  affine: (x, { scale, shift }: UnaryAttrs["affine"]) => scale * x + shift,
  clamp: (x, { min, max }: UnaryAttrs["clamp"]) => Math.min(Math.max(x, min), max),
  pow: (x, { exponent }: UnaryAttrs["pow"]) => x ** exponent,
};

/** Scalar functions of the binary ops, keyed by op name. */
export const binaryFunctions: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  average: (a, b) => (a + b) / 2,
  minimum: Math.min,
};

/**
 * Common shape of two operands under numpy broadcasting.
 * @throws Error if two aligned extents differ and neither is 1.
 */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const m = a[axis - rank + a.length] ?? 1;
    const n = b[axis - rank + b.length] ?? 1;
    if (m !== n && m !== 1 && n !== 1) throw new Error(`broadcast: shapes [${a}] and [${b}] do not fit`);
    return m === 1 ? n : m;
  });
}

/** Strides that read an array of `shape` as if it had been broadcast to `target`: 0 along repeated axes. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const missing = target.length - shape.length;
  return target.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]));
}

/** Applies a scalar function to every element. */
export function unary(name: string): Oracle {
  const f = unaryFunctions[name];
  return ([x], attrs) => mapArr(x, (value) => f(value, attrs));
}

/** Applies a scalar function to two operands under numpy broadcasting. */
export function binary(name: string): Oracle {
  const f = binaryFunctions[name];
  return ([a, b]) => {
    const y = arr(broadcastShapes(a.shape, b.shape));
    const stridesA = broadcastStrides(a.shape, y.shape);
    const stridesB = broadcastStrides(b.shape, y.shape);
    forEachIndex(y.shape, (index, flat) => {
      y.data[flat] = f(a.data[offsetOf(stridesA, index)], b.data[offsetOf(stridesB, index)]);
    });
    return y;
  };
}
