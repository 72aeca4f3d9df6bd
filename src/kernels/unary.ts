import finiteLib from "../../shaders/lib/finite.wgsl";
import mathLib from "../../shaders/lib/math.wgsl";
import opsLib from "../../shaders/lib/unary_ops.wgsl";
import source from "../../shaders/unary.wgsl";
import gradientSource from "../../shaders/unary_dx.wgsl";
import type { Live } from "../tensor/command.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { defineOp, type Op } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineWidths, runWidest } from "./widths.ts";

const include = [finiteLib, mathLib, opsLib];
const params = { n: "u32", a: "f32", b: "f32" } as const;

const forwardKernel = defineWidths({
  name: "unary",
  source,
  include,
  bindings: { x: "read", y: "write" },
  elements: ["x", "y"],
  params,
  constants: ["OP"],
  // The function counts as one operation, and so does its derivative.
  cost: ({ x }) => ({ flops: x.size }),
});

const gradientKernel = defineWidths({
  name: "unary_dx",
  source: gradientSource,
  include,
  bindings: { x: "read", y: "read", dy: "read", dx: "write" },
  elements: ["x", "y", "dy", "dx"],
  params,
  constants: ["OP"],
  cost: ({ x }) => ({ flops: 2 * x.size }),
});

/** The unary functions in the order of shaders/lib/unary_ops.wgsl, with the names of their parameters. */
export const unaryTable = {
  relu: [],
  leakyRelu: ["slope"],
  sigmoid: [],
  tanh: [],
  gelu: [],
  silu: [],
  softplus: [],
  exp: [],
  log: [],
  sqrt: [],
  rsqrt: [],
  square: [],
  abs: [],
  neg: [],
  reciprocal: [],
  affine: ["scale", "shift"],
  clamp: ["min", "max"],
  pow: ["exponent"],
} as const satisfies Record<string, readonly string[]>;

/** Parameters of a unary function by name; empty for most. A function gives a number anew each time a recorded step runs. */
export type UnaryAttrs = Record<string, Live>;

const fromOutput: ReadonlySet<string> = new Set(["sigmoid", "tanh", "exp", "sqrt", "rsqrt", "reciprocal"]);

const numberOf = (name: keyof typeof unaryTable) => Object.keys(unaryTable).indexOf(name);

function defineUnary(name: keyof typeof unaryTable): Op<UnaryAttrs> {
  const OP = numberOf(name);
  const [first, second] = unaryTable[name] as readonly string[];
  const job = (n: number, attrs: UnaryAttrs) => ({
    params: { n, a: first ? attrs[first]! : 0, b: second ? attrs[second]! : 0 },
    along: ["n"] as const,
    times: 1,
    constants: { OP },
  });
  return defineOp<UnaryAttrs>({
    name,
    // Where the slope is computed from the output, its rounding to f16 would count twice.
    ...(fromOutput.has(name) ? {} : { elements: [0] }),
    shape: ([x]) => x!.shape,
    forward(device, [x], attrs, shape) {
      const gpu = device as GpuDevice;
      const y = gpu.empty(shape, name, x!.dtype);
      runWidest(gpu, forwardKernel, { x: x!, y }, job(x!.size, attrs));
      return y;
    },
    vjp(device, { inputs, output, attrs }, dy) {
      const gpu = device as GpuDevice;
      const x = inputs[0]!;
      const dx = gpu.empty(x.shape, `${name} gradient`, x.dtype);
      runWidest(gpu, gradientKernel, { x, y: output, dy, dx }, job(x.size, attrs));
      return [dx];
    },
  });
}

/** The gradient of relu from its output y, untracked: dy where y > 0, else 0; any shape. */
export function reluGradient(gpu: GpuDevice, y: Tensor, dy: Tensor): Tensor {
  const dx = gpu.empty(y.shape, "relu gradient", y.dtype);
  const constants = { OP: numberOf("relu") };
  const params = { n: y.size, a: 0, b: 0 };
  runWidest(gpu, gradientKernel, { x: y, y, dy, dx }, { params, along: ["n"], times: 1, constants });
  return dx;
}

/** The unary ops by name. */
export const unaryOps = Object.fromEntries(
  Object.keys(unaryTable).map((name) => [name, defineUnary(name as keyof typeof unaryTable)]),
) as Record<keyof typeof unaryTable, Op<UnaryAttrs>>;

const plain = (op: Op<UnaryAttrs>) => (x: Tensor) => op.apply([x], {});

/** max(x, 0), any shape; NaN stays NaN. */
export const relu = plain(unaryOps.relu);
/** 1 / (1 + e^-x), any shape. */
export const sigmoid = plain(unaryOps.sigmoid);
/** Hyperbolic tangent, any shape. */
export const tanh = plain(unaryOps.tanh);
/** Gaussian error linear unit in its tanh form, any shape. Source: Hendrycks & Gimpel 2016. */
export const gelu = plain(unaryOps.gelu);
/** x · sigmoid(x), any shape. */
export const silu = plain(unaryOps.silu);
/** log(1 + e^x) without overflow, any shape. */
export const softplus = plain(unaryOps.softplus);
/** e^x, any shape. */
export const exp = plain(unaryOps.exp);
/** Natural logarithm, any shape. */
export const log = plain(unaryOps.log);
/** Square root, any shape. */
export const sqrt = plain(unaryOps.sqrt);
/** 1 / √x, any shape. */
export const rsqrt = plain(unaryOps.rsqrt);
/** x², any shape. */
export const square = plain(unaryOps.square);
/** |x|, any shape; the gradient at 0 is 0. */
export const abs = plain(unaryOps.abs);
/** -x, any shape. */
export const neg = plain(unaryOps.neg);
/** 1 / x, any shape. */
export const reciprocal = plain(unaryOps.reciprocal);

/** x where x ≥ 0, slope · x below, any shape. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return unaryOps.leakyRelu.apply([x], { slope });
}

/** scale · x + shift, any shape; the scale may change between replays. */
export function affine(x: Tensor, scale: Live, shift = 0): Tensor {
  return unaryOps.affine.apply([x], { scale, shift });
}

/** x limited to [min, max], any shape; the gradient outside is 0. */
export function clamp(x: Tensor, min: number, max: number): Tensor {
  return unaryOps.clamp.apply([x], { min, max });
}

/** x^exponent for x > 0, any shape. */
export function pow(x: Tensor, exponent: number): Tensor {
  return unaryOps.pow.apply([x], { exponent });
}
