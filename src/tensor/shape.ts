import { ShapeError } from "./errors.ts";

/** Sizes of a tensor's axes, outermost first; images are [batch, height, width, channels]. */
export type Shape = readonly number[];

/** Number of elements of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Whether two shapes are the same. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** A shape as people write it: [2,3,4]. */
export function showShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/**
 * The shape two shapes broadcast to, by NumPy's rule.
 * @throws ShapeError if an axis differs and neither side is 1.
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let axis = 0; axis < rank; axis++) {
    const p = a[axis - rank + a.length] ?? 1;
    const q = b[axis - rank + b.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new ShapeError(op, "shapes that broadcast", `${showShape(a)} and ${showShape(b)}`);
    }
    out[axis] = p === 1 ? q : p;
  }
  return out;
}

/** Throws a ShapeError unless the condition holds. */
export function expect(condition: boolean, op: string, expected: string, got: string): asserts condition {
  if (!condition) throw new ShapeError(op, expected, got);
}

/**
 * An axis counted from the front; -1 is the last.
 * @throws ShapeError if the shape has no such axis.
 */
export function resolveAxis(op: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  expect(
    Number.isInteger(axis) && resolved >= 0 && resolved < rank,
    op,
    `an axis in [${-rank}, ${rank - 1}]`,
    String(axis),
  );
  return resolved;
}
