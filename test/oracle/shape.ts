import { type Arr, arr, forEachIndex, offsetOf, sizeOf, stridesOf } from "./array.ts";
import { broadcastShapes, broadcastStrides } from "./elementwise.ts";

/** Attributes of the shape ops. */
export interface ShapeAttrs {
  concat: { axis: number };
  slice: { begin: number[]; size: number[] };
  transpose: { perm: number[] };
  reshape: { shape: number[] };
  broadcastTo: { shape: number[] };
  pad: { before: number[]; after: number[] };
}

/** Joins arrays along one axis (negative counts from the end). */
export function concat(inputs: Arr[], attrs: ShapeAttrs["concat"]): Arr {
  const axis = attrs.axis < 0 ? attrs.axis + inputs[0].shape.length : attrs.axis;
  const shape = [...inputs[0].shape];
  shape[axis] = inputs.reduce((total, x) => total + x.shape[axis], 0);
  const y = arr(shape);
  const strides = stridesOf(shape);
  let start = 0;
  for (const x of inputs) {
    if (x.shape.some((extent, i) => i !== axis && extent !== shape[i])) {
      throw new Error(`concat: shapes [${inputs[0].shape}] and [${x.shape}] differ outside axis ${axis}`);
    }
    const origin = start * strides[axis];
    forEachIndex(x.shape, (index, flat) => {
      y.data[origin + offsetOf(strides, index)] = x.data[flat];
    });
    start += x.shape[axis];
  }
  return y;
}

/** The block of extent `size` that starts at `begin`. */
export function slice([x]: Arr[], { begin, size }: ShapeAttrs["slice"]): Arr {
  if (size.some((extent, axis) => begin[axis] < 0 || begin[axis] + extent > x.shape[axis])) {
    throw new Error(`slice: begin [${begin}] size [${size}] leaves shape [${x.shape}]`);
  }
  const y = arr(size);
  const strides = stridesOf(x.shape);
  const origin = offsetOf(strides, begin);
  forEachIndex(size, (index, flat) => {
    y.data[flat] = x.data[origin + offsetOf(strides, index)];
  });
  return y;
}

/** Axis i of the result is axis perm[i] of the input. */
export function transpose([x]: Arr[], { perm }: ShapeAttrs["transpose"]): Arr {
  const y = arr(perm.map((axis) => x.shape[axis]));
  const strides = stridesOf(x.shape);
  const permuted = perm.map((axis) => strides[axis]);
  forEachIndex(y.shape, (index, flat) => {
    y.data[flat] = x.data[offsetOf(permuted, index)];
  });
  return y;
}

/** The same elements under another shape; one extent may be -1 and is then inferred. */
export function reshape([x]: Arr[], { shape }: ShapeAttrs["reshape"]): Arr {
  const known = sizeOf(shape.filter((extent) => extent !== -1));
  return arr(
    shape.map((extent) => (extent === -1 ? x.data.length / known : extent)),
    x.data,
  );
}

/** Repeats the input to `shape` by numpy's rules. */
export function broadcastTo([x]: Arr[], { shape }: ShapeAttrs["broadcastTo"]): Arr {
  if (broadcastShapes(x.shape, shape).join() !== shape.join()) {
    throw new Error(`broadcastTo: shape [${x.shape}] does not broadcast to [${shape}]`);
  }
  const y = arr(shape);
  const strides = broadcastStrides(x.shape, shape);
  forEachIndex(shape, (index, flat) => {
    y.data[flat] = x.data[offsetOf(strides, index)];
  });
  return y;
}

/** Adds zeros before and after each axis. */
export function pad([x]: Arr[], { before, after }: ShapeAttrs["pad"]): Arr {
  const y = arr(x.shape.map((extent, axis) => before[axis] + extent + after[axis]));
  const strides = stridesOf(y.shape);
  const origin = offsetOf(strides, before);
  forEachIndex(x.shape, (index, flat) => {
    y.data[origin + offsetOf(strides, index)] = x.data[flat];
  });
  return y;
}

/** The same numbers: what rounding them to f16 adds is up to the suite. */
export function cast([x]: Arr[]): Arr {
  return arr(x!.shape, x!.data);
}
