import type { Op } from "../tensor/op.ts";
import { adaptiveAvgPool2dOp } from "./adaptive_pool.ts";
import { batchNormOp } from "./batch_norm.ts";
import { binaryOps } from "./binary.ts";
import { castOp } from "./cast.ts";
import { conv2dOp } from "./conv2d.ts";
import { dropoutOp } from "./dropout.ts";
import { hitsOp } from "./hits.ts";
import { lossOps } from "./loss.ts";
import { matmulOp } from "./matmul.ts";
import { mmdOp } from "./mmd.ts";
import { avgPool2dOp, globalAvgPoolOp, maxPool2dOp } from "./pool.ts";
import { reduceOps } from "./reduce.ts";
import { resizeOp } from "./resize.ts";
import { resizeLabelsOp } from "./resize_labels.ts";
import { shapeOps } from "./shape.ts";
import { softmaxOps } from "./softmax.ts";
import { unaryOps } from "./unary.ts";

export { type AdaptivePoolAttrs, adaptiveAvgPool2d } from "./adaptive_pool.ts";
export { backward } from "./backward.ts";
export { type BatchNormOptions, batchNorm } from "./batch_norm.ts";
export { add, average, div, maximum, minimum, mul, sub } from "./binary.ts";
export { cast } from "./cast.ts";
export { type Conv2dOptions as Conv2dOpOptions, conv2d } from "./conv2d.ts";
export { type DropoutAttrs, dropout } from "./dropout.ts";
export { type HitsAttrs, hits } from "./hits.ts";
export { type CrossEntropyOptions, crossEntropy, type KlDivergenceAttrs, klDivergence, mse } from "./loss.ts";
export { type MatmulAttrs, matmul } from "./matmul.ts";
export { type MmdAttrs, mmd } from "./mmd.ts";
export { avgPool2d, globalAvgPool, maxPool2d, type PoolOptions } from "./pool.ts";
export { max, mean, type ReduceOptions, sum } from "./reduce.ts";
export { type ResizeAttrs, resize } from "./resize.ts";
export { type ResizeLabelsAttrs, resizeLabels } from "./resize_labels.ts";
export { broadcastTo, concat, pad, reshape, slice, transpose } from "./shape.ts";
export { argmax, logSoftmax, softmax } from "./softmax.ts";
export {
  abs,
  affine,
  clamp,
  exp,
  gelu,
  leakyRelu,
  log,
  neg,
  pow,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  silu,
  softplus,
  sqrt,
  square,
  tanh,
} from "./unary.ts";

/** Every op of the engine, by name; a test fails for an op without a suite. */
export function registry(): ReadonlyMap<string, Op> {
  const single = [batchNormOp, castOp, conv2dOp, dropoutOp, hitsOp, matmulOp, mmdOp, resizeOp, resizeLabelsOp];
  const pools = [adaptiveAvgPool2dOp, avgPool2dOp, globalAvgPoolOp, maxPool2dOp];
  const tables = [unaryOps, binaryOps, reduceOps, shapeOps, softmaxOps, lossOps].flatMap((table) =>
    Object.values(table),
  );
  return new Map([...single, ...pools, ...tables].map((op) => [op.name, op as Op]));
}
