import type { GpuDevice } from "../tensor/device.ts";
import { ShapeError } from "../tensor/errors.ts";
import { defineOp } from "../tensor/op.ts";
import {
  broadcastShapes,
  expect,
  resolveAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { sumTo } from "./binary.ts";
import { copyBox, fill, MAX_AXES } from "./strided.ts";

/** Position of the element at `index`. */
function offsetOf(strides: readonly number[], index: readonly number[]): number {
  return strides.reduce((total, stride, axis) => total + stride * index[axis]!, 0);
}

/** Checks the rank of a tensor and that there is one whole number from 0 an axis in each list. */
function expectLists(op: string, x: Tensor, lists: Record<string, readonly number[]>): void {
  const rank = x.shape.length;
  expect(rank <= MAX_AXES, op, `at most ${MAX_AXES} axes`, showShape(x.shape));
  for (const [name, list] of Object.entries(lists)) {
    const whole = list.length === rank && list.every((value) => Number.isInteger(value) && value >= 0);
    expect(whole, op, `${rank} whole numbers from 0 for ${name}`, showShape(list));
  }
}

const concatOp = defineOp<{ axis: number }>({
  name: "concat",
  shape(inputs, { axis }) {
    const first = inputs[0]!.shape;
    expectLists("concat", inputs[0]!, {});
    const at = resolveAxis("concat", axis, first.length);
    for (const { shape } of inputs) {
      const fits = sameShape(first.with(at, 0), shape.length > at ? shape.with(at, 0) : shape);
      expect(fits, "concat", `${showShape(first)} but for axis ${at}`, showShape(shape));
    }
    const extent = inputs.reduce((total, { shape }) => total + shape[at]!, 0);
    return first.with(at, extent);
  },
  forward(device, inputs, { axis }, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "concat");
    const strides = stridesOf(shape);
    const along = axis < 0 ? axis + shape.length : axis;
    let start = 0;
    for (const x of inputs) {
      const to = { at: start * strides[along]!, strides };
      copyBox(gpu, x, y, x.shape, { strides: stridesOf(x.shape) }, to);
      start += x.shape[along]!;
    }
    return y;
  },
  vjp(_device, { inputs, attrs }, dy, needs) {
    const axis = attrs.axis < 0 ? attrs.axis + dy.shape.length : attrs.axis;
    let start = 0;
    return inputs.map(({ shape }, i) => {
      const begin = shape.map((_, k) => (k === axis ? start : 0));
      start += shape[axis]!;
      return needs[i] ? slice(dy, begin, shape) : null;
    });
  },
});

const sliceOp = defineOp<{ begin: readonly number[]; size: Shape }>({
  name: "slice",
  shape([x], { begin, size }) {
    expectLists("slice", x!, { begin, size });
    const inside = x!.shape.every((extent, axis) => begin[axis]! + size[axis]! <= extent);
    expect(inside, "slice", `a block inside ${showShape(x!.shape)}`, `${showShape(size)} at ${showShape(begin)}`);
    return size;
  },
  forward(device, [x], { begin }, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "slice");
    const strides = stridesOf(x!.shape);
    copyBox(gpu, x!, y, shape, { at: offsetOf(strides, begin), strides }, { strides: stridesOf(shape) });
    return y;
  },
  vjp(_device, { inputs, attrs: { begin, size } }, dy) {
    const after = inputs[0]!.shape.map((extent, axis) => extent - begin[axis]! - size[axis]!);
    return [pad(dy, begin, after)];
  },
});

const padOp = defineOp<{ before: readonly number[]; after: readonly number[] }>({
  name: "pad",
  shape([x], { before, after }) {
    expectLists("pad", x!, { before, after });
    return x!.shape.map((extent, axis) => before[axis]! + extent + after[axis]!);
  },
  forward(device, [x], { before }, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "pad");
    fill(gpu, y, 0);
    const strides = stridesOf(shape);
    copyBox(gpu, x!, y, x!.shape, { strides: stridesOf(x!.shape) }, { at: offsetOf(strides, before), strides });
    return y;
  },
  vjp: (_device, { inputs, attrs }, dy) => [slice(dy, attrs.before, inputs[0]!.shape)],
});

const transposeOp = defineOp<{ perm: readonly number[] }>({
  name: "transpose",
  shape([x], { perm }) {
    expectLists("transpose", x!, { perm });
    const each = x!.shape.every((_, axis) => perm.includes(axis));
    expect(each, "transpose", `each of the axes 0 to ${perm.length - 1} once`, showShape(perm));
    return perm.map((axis) => x!.shape[axis]!);
  },
  forward(device, [x], { perm }, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "transpose");
    const strides = stridesOf(x!.shape);
    copyBox(gpu, x!, y, shape, { strides: perm.map((axis) => strides[axis]!) }, { strides: stridesOf(shape) });
    return y;
  },
  vjp(_device, { attrs: { perm } }, dy) {
    const back = perm.map((_, axis) => perm.indexOf(axis));
    return [transpose(dy, back)];
  },
});

const reshapeOp = defineOp<{ shape: Shape }>({
  name: "reshape",
  elements: [0],
  shape([x], attrs) {
    const open = attrs.shape.filter((extent) => extent === -1).length;
    const known = sizeOf(attrs.shape.filter((extent) => extent !== -1));
    const shape = attrs.shape.map((extent) => (extent === -1 ? x!.size / known : extent));
    const whole = shape.every((extent) => Number.isInteger(extent) && extent >= 0);
    const expected = `a shape of ${x!.size} elements with at most one -1`;
    expect(open <= 1 && whole && sizeOf(shape) === x!.size, "reshape", expected, showShape(attrs.shape));
    return shape;
  },
  forward: (_device, [x], _attrs, shape) => x!.view(shape),
  vjp: (_device, { inputs }, dy) => [dy.view(inputs[0]!.shape)],
});

const broadcastToOp = defineOp<{ shape: Shape }>({
  name: "broadcastTo",
  shape([x], { shape }) {
    expect(shape.length <= MAX_AXES, "broadcastTo", `at most ${MAX_AXES} axes`, showShape(shape));
    const fits = sameShape(broadcastShapes("broadcastTo", x!.shape, shape), shape);
    expect(fits, "broadcastTo", `a shape that ${showShape(x!.shape)} broadcasts to`, showShape(shape));
    return shape;
  },
  forward(device, [x], _attrs, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "broadcastTo");
    const from = stridesOf(x!.shape);
    const missing = shape.length - from.length;
    const strides = shape.map((_, axis) => ((x!.shape[axis - missing] ?? 1) === 1 ? 0 : from[axis - missing]!));
    copyBox(gpu, x!, y, shape, { strides }, { strides: stridesOf(shape) });
    return y;
  },
  vjp: (device, { inputs }, dy) => [sumTo(device as GpuDevice, dy, inputs[0]!.shape)],
});

/** The shape ops by name. */
export const shapeOps = {
  concat: concatOp,
  slice: sliceOp,
  pad: padOp,
  transpose: transposeOp,
  reshape: reshapeOp,
  broadcastTo: broadcastToOp,
};

/** Joins tensors along one axis (negative counts from the end); the other extents agree. @throws ShapeError */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 0) throw new ShapeError("concat", "at least one tensor", "none");
  return concatOp.apply(tensors, { axis });
}

/** The block of extents `size` whose first element is at `begin`, one number an axis. @throws ShapeError */
export function slice(x: Tensor, begin: readonly number[], size: Shape): Tensor {
  return sliceOp.apply([x], { begin, size });
}

/** x with that many zeros before and after it along each axis. @throws ShapeError */
export function pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
  return padOp.apply([x], { before, after });
}

/** x with its axes reordered: axis i of the result is axis perm[i] of x. @throws ShapeError */
export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  return transposeOp.apply([x], { perm });
}

/** The same elements under another shape, sharing the memory; one extent may be -1. @throws ShapeError */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return reshapeOp.apply([x], { shape });
}

/** x repeated to `shape` by NumPy's rules. @throws ShapeError */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return broadcastToOp.apply([x], { shape });
}
