import argmaxSource from "../../shaders/argmax.wgsl";
import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import largerLib from "../../shaders/lib/larger.wgsl";
import mathLib from "../../shaders/lib/math.wgsl";
import source from "../../shaders/softmax.wgsl";
import gradientSource from "../../shaders/softmax_dx.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp, type Op } from "../tensor/op.ts";
import { expect, type Shape, showShape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const params = { rows: "u32", columns: "u32" } as const;

const forwardKernel = defineKernel({
  name: "softmax",
  source,
  include: [gridLib, finiteLib, mathLib, largerLib],
  bindings: { x: "read", y: "write" },
  params,
  constants: ["LOG"],
  // Subtract the largest, take the exponential, add up, divide.
  cost: ({ x }) => ({ flops: 4 * x.size }),
});

const gradientKernel = defineKernel({
  name: "softmax_dx",
  source: gradientSource,
  include: [gridLib, finiteLib, mathLib],
  bindings: { y: "read", dy: "read", dx: "write" },
  params,
  constants: ["LOG"],
  // y (dy - Σ y dy): multiply and add, subtract, multiply.
  cost: ({ y }) => ({ flops: 4 * y.size }),
});

const argmaxKernel = defineKernel({
  name: "argmax",
  source: argmaxSource,
  include: [gridLib, finiteLib],
  bindings: { x: "read", y: "write" },
  params,
});

/**
 * Splits a shape [..., C] into its number of rows and C.
 * @throws ShapeError naming the op if there is no last axis or it is empty.
 */
export function rowsOf(op: string, shape: Shape): { rows: number; columns: number } {
  const columns = shape.at(-1) ?? 0;
  expect(columns > 0, op, "a last axis with at least one element", showShape(shape));
  return { rows: sizeOf(shape.slice(0, -1)), columns };
}

function defineSoftmax(name: "softmax" | "logSoftmax"): Op<Record<never, never>> {
  const constants = { LOG: name === "logSoftmax" };
  return defineOp<Record<never, never>>({
    name,
    shape([x]) {
      rowsOf(name, x!.shape);
      return x!.shape;
    },
    forward(device, [x], _attrs, shape) {
      const gpu = device as GpuDevice;
      const y = gpu.empty(shape, name);
      const size = rowsOf(name, shape);
      forwardKernel.run(gpu, { x: x!, y }, size, { threads: size.rows }, constants);
      return y;
    },
    vjp(device, { output: y }, dy) {
      const gpu = device as GpuDevice;
      const dx = gpu.empty(y.shape, `${name} gradient`);
      const size = rowsOf(name, y.shape);
      gradientKernel.run(gpu, { y, dy, dx }, size, { threads: size.rows }, constants);
      return [dx];
    },
  });
}

const argmaxOp = defineOp<Record<never, never>>({
  name: "argmax",
  outputDType: "u32",
  shape([x]) {
    rowsOf("argmax", x!.shape);
    return x!.shape.slice(0, -1);
  },
  forward(device, [x], _attrs, shape) {
    const gpu = device as GpuDevice;
    const y = gpu.empty(shape, "argmax", "u32");
    const size = rowsOf("argmax", x!.shape);
    argmaxKernel.run(gpu, { x: x!, y }, size, { threads: size.rows });
    return y;
  },
  vjp: null,
});

/** The ops over the last axis by name. */
export const softmaxOps = {
  softmax: defineSoftmax("softmax"),
  logSoftmax: defineSoftmax("logSoftmax"),
  argmax: argmaxOp,
};

/** e^x over its sum along the last axis, [..., C]; NaN spreads over its row. @throws ShapeError if C is 0. */
export function softmax(x: Tensor): Tensor {
  return softmaxOps.softmax.apply([x], {});
}

/** Logarithm of softmax(x), [..., C], exact where the softmax is tiny. @throws ShapeError if C is 0. */
export function logSoftmax(x: Tensor): Tensor {
  return softmaxOps.logSoftmax.apply([x], {});
}

/** Position of the first largest element along the last axis, [..., C] → u32 [...]; NaN counts as the largest. @throws ShapeError if C is 0. */
export function argmax(x: Tensor): Tensor {
  return argmaxOp.apply([x], {});
}
