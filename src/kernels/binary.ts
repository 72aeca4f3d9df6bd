import source from "../../shaders/binary.wgsl";
import opsLib from "../../shaders/lib/binary_ops.wgsl";
import finiteLib from "../../shaders/lib/finite.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineOp, type Op } from "../tensor/op.ts";
import { broadcastShapes, expect, type Shape, sameShape, showShape, sizeOf, stridesOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { convert } from "./cast.ts";
import { reduceMiddle } from "./reduce.ts";
import { affine, neg } from "./unary.ts";
import { defineWidths, runWidest } from "./widths.ts";

const kernel = defineWidths({
  name: "binary",
  source,
  include: [finiteLib, opsLib],
  bindings: { a: "read", b: "read", y: "write" },
  elements: ["a", "b", "y"],
  params: {
    n: "u32",
    e1: "u32",
    e2: "u32",
    e3: "u32",
    a0: "u32",
    a1: "u32",
    a2: "u32",
    a3: "u32",
    b0: "u32",
    b1: "u32",
    b2: "u32",
    b3: "u32",
  },
  cost: ({ y }) => ({ flops: y.size }),
  constants: ["OP", "SAME"],
});

const names = ["add", "sub", "mul", "div", "maximum", "minimum", "wins", "average"] as const;
type BinaryName = (typeof names)[number];

/** Runs one binary kernel, untracked: a and b broadcast to `shape`. */
function run(gpu: GpuDevice, name: BinaryName, a: Tensor, b: Tensor, shape: Shape): Tensor {
  const y = gpu.empty(shape, name, a.dtype);
  const SAME = sameShape(a.shape, b.shape);
  const extents = [1, 1, 1, 1];
  for (let axis = 0; axis < shape.length; axis++) extents[4 - shape.length + axis] = shape[axis]!;
  const [a0, a1, a2, a3] = broadcastStrides(a.shape);
  const [b0, b1, b2, b3] = broadcastStrides(b.shape);
  const [, e1, e2, e3] = extents;
  const params = {
    n: y.size,
    e1,
    e2,
    e3,
    a0,
    a1,
    a2,
    a3,
    b0,
    b1,
    b2,
    b3,
  } as Record<keyof typeof kernel.spec.params, number>;
  const constants = { OP: names.indexOf(name), SAME };
  if (SAME) runWidest(gpu, kernel, { a, b, y }, { params, along: ["n"], times: 1, constants });
  else kernel.run(gpu, { a, b, y }, params, { threads: y.size }, constants);
  return y;
}

function broadcastStrides(shape: Shape): [number, number, number, number] {
  const strides = stridesOf(shape);
  const out: [number, number, number, number] = [0, 0, 0, 0];
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] !== 1) out[4 - shape.length + axis] = strides[axis]!;
  }
  return out;
}

/** Sums a gradient over the axes that broadcasting repeated; takes over `gradient`. */
export function sumTo(gpu: GpuDevice, gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  let current = gradient;
  let extents = [...gradient.shape];
  const missing = extents.length - shape.length;
  // Runs of neighbouring repeated axes are summed together.
  for (let axis = 0; axis < extents.length; axis++) {
    const repeated = (k: number) => extents[k] !== 1 && (k < missing || shape[k - missing] === 1);
    if (!repeated(axis)) continue;
    let end = axis + 1;
    while (end < extents.length && repeated(end)) end++;
    const outer = sizeOf(extents.slice(0, axis));
    const length = sizeOf(extents.slice(axis, end));
    const inner = sizeOf(extents.slice(end));
    const summed = reduceMiddle(gpu, current, [outer, length, inner], "sum");
    if (current !== gradient) current.dispose();
    current = summed;
    extents = [...extents.slice(0, axis), ...new Array<number>(end - axis).fill(1), ...extents.slice(end)];
  }
  // Sums are f32, whatever is summed.
  const stored = convert(gpu, current, gradient.dtype as "f16", "sum");
  const result = stored.view(shape);
  stored.dispose();
  if (current !== gradient) current.dispose();
  return result;
}

type Gradient = (gpu: GpuDevice, a: Tensor, b: Tensor, y: Tensor, dy: Tensor) => Tensor;

function defineBinary(name: BinaryName, gradients: { vjp: [Gradient, Gradient] }): Op<Record<never, never>> {
  return defineOp({
    name,
    // The gradients of the others go through intermediate results, which f16 would round.
    ...(["mul", "div"].includes(name) ? {} : { elements: [0, 1] }),
    shape([a, b]) {
      const shape = broadcastShapes(name, a!.shape, b!.shape);
      expect(shape.length <= 4, name, "at most four axes", showShape(shape));
      return shape;
    },
    forward: (device, [a, b], _attrs, shape) => run(device as GpuDevice, name, a!, b!, shape),
    vjp(device, { inputs, output }, dy, needs) {
      const gpu = device as GpuDevice;
      const [a, b] = inputs as [Tensor, Tensor];
      const gradientOf = (side: 0 | 1) => {
        const full = gradients.vjp[side](gpu, a, b, output, dy);
        const gradient = sumTo(gpu, full, inputs[side]!.shape);
        if (gradient !== full && full !== dy) full.dispose();
        return gradient;
      };
      const da = needs[0] ? gradientOf(0) : null;
      const alike = gradients.vjp[0] === gradients.vjp[1] && sameShape(a.shape, b.shape);
      if (da && alike) return [da, needs[1] ? da.detach() : null];
      return [da, needs[1] ? gradientOf(1) : null];
    },
  });
}

const pass: Gradient = (_gpu, _a, _b, _y, dy) => dy;
const half: Gradient = (_gpu, _a, _b, _y, dy) => affine(dy, 0.5);
const times = (gpu: GpuDevice, a: Tensor, b: Tensor) => run(gpu, "mul", a, b, broadcastShapes("mul", a.shape, b.shape));

/** dy where the first argument wins (half at ties), 0 elsewhere. */
function share(gpu: GpuDevice, first: Tensor, second: Tensor, dy: Tensor): Tensor {
  const mask = run(gpu, "wins", first, second, dy.shape);
  const gradient = times(gpu, mask, dy);
  mask.dispose();
  return gradient;
}

/** The binary ops by name, all with NumPy broadcasting over at most four axes. */
export const binaryOps = {
  add: defineBinary("add", { vjp: [pass, pass] }),
  sub: defineBinary("sub", { vjp: [pass, (_gpu, _a, _b, _y, dy) => neg(dy)] }),
  mul: defineBinary("mul", {
    vjp: [(gpu, _a, b, _y, dy) => times(gpu, dy, b), (gpu, a, _b, _y, dy) => times(gpu, dy, a)],
  }),
  div: defineBinary("div", {
    vjp: [
      (gpu, _a, b, _y, dy) => run(gpu, "div", dy, b, dy.shape),
      (gpu, _a, b, y, dy) => {
        const product = times(gpu, dy, y);
        const quotient = run(gpu, "div", product, b, dy.shape);
        const gradient = affine(quotient, -1);
        product.dispose();
        quotient.dispose();
        return gradient;
      },
    ],
  }),
  maximum: defineBinary("maximum", {
    vjp: [(gpu, a, b, _y, dy) => share(gpu, a, b, dy), (gpu, a, b, _y, dy) => share(gpu, b, a, dy)],
  }),
  minimum: defineBinary("minimum", {
    vjp: [(gpu, a, b, _y, dy) => share(gpu, b, a, dy), (gpu, a, b, _y, dy) => share(gpu, a, b, dy)],
  }),
  average: defineBinary("average", { vjp: [half, half] }),
};

const apply = (op: Op<Record<never, never>>) => (a: Tensor, b: Tensor) => op.apply([a, b], {});

/** a + b with broadcasting. */
export const add = apply(binaryOps.add);
/** a - b with broadcasting. */
export const sub = apply(binaryOps.sub);
/** a · b, element by element, with broadcasting. */
export const mul = apply(binaryOps.mul);
/** a / b with broadcasting. */
export const div = apply(binaryOps.div);
/** The larger of a and b with broadcasting; ties share the gradient. */
export const maximum = apply(binaryOps.maximum);
/** The smaller of a and b with broadcasting; ties share the gradient. */
export const minimum = apply(binaryOps.minimum);
/** (a + b) / 2 with broadcasting. */
export const average = apply(binaryOps.average);
