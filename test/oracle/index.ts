import { conv2d, matmul } from "./conv.ts";
import { binary, binaryFunctions, unary, unaryFunctions } from "./elementwise.ts";
import { crossEntropy, klDivergence, mmd, mse } from "./loss.ts";
import { batchNorm } from "./norm.ts";
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool, maxPool2d, resize, resizeLabels } from "./pool.ts";
import { argmax, hits, logSoftmax, max, mean, softmax, sum } from "./reduce.ts";
import { broadcastTo, cast, concat, pad, reshape, slice, transpose } from "./shape.ts";
import type { Oracle } from "./types.ts";

export { type FrozenTape, freeze, withFrozen } from "./frozen.ts";
export { batchNormRunning } from "./norm.ts";
export type { Attrs, Oracle, OracleVjp } from "./types.ts";
export { oracleVjps } from "./vjp.ts";

function each(names: string[], make: (name: string) => Oracle): Record<string, Oracle> {
  return Object.fromEntries(names.map((name) => [name, make(name)]));
}

/** The reference implementations, keyed by op name. Images are NHWC, convolution weights [KH,KW,C/G,K]. */
export const oracles: Record<string, Oracle> = {
  ...each(Object.keys(unaryFunctions), unary),
  ...each(Object.keys(binaryFunctions), binary),
  cast,
  matmul,
  conv2d,
  batchNorm,
  maxPool2d,
  adaptiveAvgPool2d,
  avgPool2d,
  globalAvgPool,
  resize,
  resizeLabels,
  concat,
  slice,
  transpose,
  reshape,
  broadcastTo,
  pad,
  sum,
  mean,
  max,
  softmax,
  logSoftmax,
  argmax,
  hits,
  crossEntropy,
  klDivergence,
  mse,
  mmd,
};
