import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import largerLib from "../../shaders/lib/larger.wgsl";
import gradientSource from "../../shaders/max_dx.wgsl";
import source from "../../shaders/reduce.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp, type Op } from "../tensor/op.ts";
import { expect, resolveAxis, type Shape, showShape, sizeOf, stridesOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { copyBox, MAX_AXES } from "./strided.ts";
import { affine } from "./unary.ts";
import { defineWidths, runWidest } from "./widths.ts";

const reduceKernel = defineWidths({
  name: "reduce",
  source,
  include: [finiteLib, largerLib],
  bindings: { x: "read", y: "write" },
  elements: ["x"],
  params: { n: "u32", span: "u32", total: "u32", scale: "f32" },
  constants: ["MAX"],
});

const maxGradientKernel = defineKernel({
  name: "max_dx",
  source: gradientSource,
  include: [gridLib, finiteLib],
  bindings: { x: "read", y: "read", dy: "read", dx: "write" },
  params: { n: "u32", length: "u32", inner: "u32" },
});

/**
 * From this length on two passes are used, the first with √length threads an output: more threads have work, and the
 * rounding error grows with √length instead of length.
 */
export const LONG = 256;

/**
 * Reduces the middle axis of x seen as [outer, length, inner] into a tensor [outer·inner] of f32; sums are scaled.
 * The order of the sum depends on the length alone.
 */
export function reduceMiddle(
  gpu: GpuDevice,
  x: Tensor,
  [outer, length, inner]: readonly [number, number, number],
  kind: "sum" | "max",
  scale = 1,
): Tensor {
  const pass = (from: Tensor, count: number, parts: number, factor: number) => {
    const y = gpu.empty([outer * parts * inner], `reduce ${kind}`);
    const params = { n: y.size, span: parts * inner, total: count * inner, scale: factor };
    const along = ["n", "span", "total"] as const;
    runWidest(gpu, reduceKernel, { x: from, y }, { params, along, times: 1, constants: { MAX: kind === "max" } });
    return y;
  };
  if (length < LONG) return pass(x, length, 1, scale);
  const parts = 4 * Math.ceil(Math.sqrt(length) / 4);
  const partial = pass(x, length, parts, 1);
  const y = pass(partial, parts, 1, scale);
  partial.dispose();
  return y;
}

/** Attributes of the reductions: the axes to remove (negative counts from the end), kept with extent 1 on request. */
export interface ReduceAttrs {
  axes: readonly number[];
  keepDims: boolean;
}

/** Options of the reductions: all axes where none are given. */
export interface ReduceOptions {
  axes?: readonly number[];
  keepDims?: boolean;
}

/** A reduction as reduceMiddle takes it. */
interface Plan {
  /** The shape of x with extent 1 along the reduced axes. */
  kept: Shape;
  middle: readonly [number, number, number];
  /** Where the reduced axes are not neighbours: the order of axes that moves them to the end. */
  order: number[] | null;
}

function planOf(shape: Shape, axes: readonly number[]): Plan {
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  const kept = shape.map((extent, axis) => (reduced.has(axis) ? 1 : extent));
  const first = Math.min(shape.length, ...reduced);
  const end = Math.max(first - 1, ...reduced) + 1;
  if (sizeOf(kept.slice(first, end)) === 1) {
    const middle = [shape.slice(0, first), shape.slice(first, end), shape.slice(end)].map(sizeOf);
    return { kept, middle: middle as [number, number, number], order: null };
  }
  const all = [...shape.keys()];
  const order = [...all.filter((axis) => !reduced.has(axis)), ...all.filter((axis) => reduced.has(axis))];
  return { kept, middle: [sizeOf(kept), sizeOf([...reduced].map((axis) => shape[axis]!)), 1], order };
}

/** Runs `body` on x with the reduced axes together, the copy that needs freed afterwards. */
function withOrder<T>(gpu: GpuDevice, x: Tensor, { order }: Plan, body: (ordered: Tensor) => T): T {
  if (!order) return body(x);
  const shape = order.map((axis) => x.shape[axis]!);
  const ordered = gpu.empty(shape, "reduce");
  copyBox(gpu, x, ordered, shape, { strides: permuted(x.shape, order) }, { strides: stridesOf(shape) });
  const result = body(ordered);
  ordered.dispose();
  return result;
}

function permuted(shape: Shape, order: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return order.map((axis) => strides[axis]!);
}

/** A view with another shape that takes the tensor's place. */
function renamed(tensor: Tensor, shape: Shape): Tensor {
  const view = tensor.view(shape);
  tensor.dispose();
  return view;
}

type Gradient = (gpu: GpuDevice, x: Tensor, y: Tensor, dy: Tensor, plan: Plan) => Tensor;

function defineReduction(name: "sum" | "mean" | "max", gradient: { vjp: Gradient }): Op<ReduceAttrs> {
  return defineOp<ReduceAttrs>({
    name,
    shape([x], { axes, keepDims }) {
      const { shape } = x!;
      expect(shape.length <= MAX_AXES, name, `at most ${MAX_AXES} axes`, showShape(shape));
      const resolved = axes.map((axis) => resolveAxis(name, axis, shape.length));
      expect(new Set(resolved).size === axes.length, name, "distinct axes", showShape(axes));
      const { kept, middle } = planOf(shape, axes);
      expect(name === "sum" || middle[1] > 0 || sizeOf(kept) === 0, name, "at least one element", showShape(shape));
      return keepDims ? kept : shape.filter((_, axis) => !resolved.includes(axis));
    },
    forward(device, [x], { axes }, shape) {
      const gpu = device as GpuDevice;
      const plan = planOf(x!.shape, axes);
      const scale = name === "mean" ? 1 / plan.middle[1] : 1;
      const kind = name === "max" ? "max" : "sum";
      return renamed(
        withOrder(gpu, x!, plan, (ordered) => reduceMiddle(gpu, ordered, plan.middle, kind, scale)),
        shape,
      );
    },
    vjp(device, { inputs, output, attrs }, dy) {
      const x = inputs[0]!;
      return [gradient.vjp(device as GpuDevice, x, output, dy, planOf(x.shape, attrs.axes))];
    },
  });
}

/** dy repeated along the reduced axes. */
const spread: Gradient = (gpu, x, _y, dy, { kept }) => {
  const dx = gpu.empty(x.shape, "reduce gradient");
  const strides = stridesOf(kept).map((stride, axis) => (kept[axis] === 1 ? 0 : stride));
  copyBox(gpu, dy, dx, x.shape, { strides }, { strides: stridesOf(x.shape) });
  return dx;
};

const spreadMean: Gradient = (gpu, x, y, dy, plan) => {
  const share = affine(dy, 1 / plan.middle[1]);
  const dx = spread(gpu, x, y, share, plan);
  share.dispose();
  return dx;
};

const toFirstMaximum: Gradient = (gpu, x, y, dy, plan) => {
  const [, length, inner] = plan.middle;
  const ordered = withOrder(gpu, x, plan, (moved) => {
    const dx = gpu.empty(moved.shape, "max gradient");
    maxGradientKernel.run(gpu, { x: moved, y, dy, dx }, { n: y.size, length, inner }, { threads: y.size });
    return dx;
  });
  if (!plan.order) return ordered;
  const dx = gpu.empty(x.shape, "max gradient");
  const to = { strides: permuted(x.shape, plan.order) };
  copyBox(gpu, ordered, dx, ordered.shape, { strides: stridesOf(ordered.shape) }, to);
  ordered.dispose();
  return dx;
};

/** The reductions by name. */
export const reduceOps = {
  sum: defineReduction("sum", { vjp: spread }),
  mean: defineReduction("mean", { vjp: spreadMean }),
  max: defineReduction("max", { vjp: toFirstMaximum }),
};

const apply =
  (op: Op<ReduceAttrs>) =>
  (x: Tensor, options: ReduceOptions = {}) =>
    op.apply([x], { axes: options.axes ?? [...x.shape.keys()], keepDims: options.keepDims ?? false });

/** Sum over axes (all by default), any shape of at most six axes; of no elements it is 0. @throws ShapeError */
export const sum = apply(reduceOps.sum);
/** Mean over axes (all by default), any shape of at most six axes. @throws ShapeError if there is nothing to average. */
export const mean = apply(reduceOps.mean);
/**
 * Maximum over axes (all by default), any shape of at most six axes; NaN wins, and the gradient goes to the first
 * maximum in memory order. @throws ShapeError if there is nothing to choose from.
 */
export const max = apply(reduceOps.max);
