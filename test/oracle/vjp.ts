import { type Arr, arr, mapArr, rowsOf } from "./array.ts";
import { type Conv2dAttrs, conv2d, conv2dDefaults, forEachTap, type MatmulAttrs, matmul } from "./conv.ts";
import {
  type CrossEntropyAttrs,
  crossEntropyWeights,
  type KlDivergenceAttrs,
  type MmdAttrs,
  mmdParts,
} from "./loss.ts";
import { type BatchNormAttrs, batchNorm, channelMoments } from "./norm.ts";
import { maxPoolWinners, type PoolAttrs } from "./pool.ts";
import { logSoftmax, softmax } from "./reduce.ts";
import type { OracleVjp } from "./types.ts";

type Gradients = (Float64Array | null)[];

function matmulVjp([a, b]: Arr[], attrs: MatmulAttrs | undefined, dy: Arr): Gradients {
  const { transposeA = false, transposeB = false } = attrs ?? {};
  const da = transposeA
    ? matmul([b, dy], { transposeA: transposeB, transposeB: true })
    : matmul([dy, b], { transposeB: !transposeB });
  const db = transposeB
    ? matmul([dy, a], { transposeA: true, transposeB: transposeA })
    : matmul([a, dy], { transposeA: !transposeA });
  return [da.data, db.data];
}

function conv2dVjp([x, w, bias]: Arr[], attrs: Conv2dAttrs | undefined, dy: Arr): Gradients {
  const dx = arr(x.shape).data;
  const dw = arr(w.shape).data;
  const y = attrs?.activation === "relu" ? conv2d(bias ? [x, w, bias] : [x, w], attrs) : null;
  const g = y ? mapArr(dy, (value, i) => (y.data[i] > 0 ? value : 0)) : dy;
  forEachTap(x.shape, w.shape, dy.shape, conv2dDefaults(attrs), (xAt, wAt, yAt) => {
    dx[xAt] += g.data[yAt] * w.data[wAt];
    dw[wAt] += g.data[yAt] * x.data[xAt];
  });
  return bias ? [dx, dw, columnSums(g)] : [dx, dw];
}

/** Sum over all but the last axis. */
function columnSums(x: Arr): Float64Array {
  const { columns } = rowsOf(x.shape);
  const sums = new Float64Array(columns);
  for (let i = 0; i < x.data.length; i++) sums[i % columns] += x.data[i];
  return sums;
}

function batchNormVjp(inputs: Arr[], attrs: BatchNormAttrs, dy: Arr): Gradients {
  const [x, gamma, , runningMean, runningVar, residual] = inputs;
  const { training, eps = 1e-5 } = attrs;
  const { rows, columns } = rowsOf(x.shape);
  const y = batchNorm(inputs, attrs);
  const g = attrs.activation === "relu" ? mapArr(dy, (value, i) => (y.data[i] > 0 ? value : 0)) : dy;
  const { mean, variance } = training ? channelMoments(x) : { mean: runningMean, variance: runningVar };
  const inverse = mapArr(variance, (value) => 1 / Math.sqrt(value + eps)).data;
  const normal = mapArr(x, (value, i) => (value - mean.data[i % columns]) * inverse[i % columns]);
  const dgamma = columnSums(mapArr(g, (value, i) => value * normal.data[i]));
  const dbeta = columnSums(g);
  const dx = g.data.map((value, i) => {
    const c = i % columns;
    const throughMoments = training ? (dbeta[c] + normal.data[i] * dgamma[c]) / rows : 0;
    return gamma.data[c] * inverse[c] * (value - throughMoments);
  });
  return [dx, dgamma, dbeta, null, null, ...(residual ? [g.data] : [])];
}

/** Sum of each row of x[..., C], repeated to the shape of x. */
function rowTotals(x: Arr): Float64Array {
  const { columns } = rowsOf(x.shape);
  return x.data.map((_, i) => {
    const start = i - (i % columns);
    return x.data.subarray(start, start + columns).reduce((total, value) => total + value, 0);
  });
}

function softmaxVjp(inputs: Arr[], _attrs: unknown, dy: Arr): Gradients {
  const y = softmax(inputs);
  const inner = rowTotals(mapArr(y, (value, i) => value * dy.data[i]));
  return [y.data.map((value, i) => value * (dy.data[i] - inner[i]))];
}

function crossEntropyVjp(inputs: Arr[], attrs: CrossEntropyAttrs | undefined, dy: Arr): Gradients {
  const weights = crossEntropyWeights(inputs, attrs);
  const totals = rowTotals(weights);
  const dlogits = softmax([inputs[0]]).data.map((p, i) => dy.data[0] * (p * totals[i] - weights.data[i]));
  return [dlogits, ...inputs.slice(1).map(() => null)];
}

function klDivergenceVjp([student, teacher]: Arr[], { temperature }: KlDivergenceAttrs, dy: Arr): Gradients {
  const soften = (logits: Arr) => logSoftmax([mapArr(logits, (value) => value / temperature)]);
  const logQ = soften(student).data;
  const logP = soften(teacher);
  const scale = (dy.data[0] * temperature) / rowsOf(student.shape).rows;
  const divergence = rowTotals(mapArr(logP, (value, i) => Math.exp(value) * (value - logQ[i])));
  const dstudent = logP.data.map((value, i) => scale * (Math.exp(logQ[i]) - Math.exp(value)));
  const dteacher = logP.data.map((value, i) => scale * Math.exp(value) * (value - logQ[i] - divergence[i]));
  return [dstudent, dteacher];
}

function maxPool2dVjp(inputs: Arr[], attrs: PoolAttrs, dy: Arr): Gradients {
  const dx = arr(inputs[0].shape).data;
  for (const [i, winner] of maxPoolWinners(inputs, attrs).data.entries()) dx[winner] += dy.data[i];
  return [dx];
}

/** The bandwidth counts as a constant. */
function mmdVjp(inputs: Arr[], attrs: MmdAttrs | undefined, dy: Arr): Gradients {
  const { rows, signs, distances, bandwidths } = mmdParts(inputs, attrs);
  const [count, width] = rows.shape;
  const gradient = arr(rows.shape).data;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      let slope = 0;
      for (const b of bandwidths) slope -= Math.exp(-distances.data[i * count + j] / b) / b;
      // Each pair occurs twice in the sum, and the squared distance has derivative 2 * (z_i - z_j).
      const factor = (4 * dy.data[0] * signs[i] * signs[j] * slope) / (count / 2) ** 2;
      for (let d = 0; d < width; d++) {
        gradient[i * width + d] += factor * (rows.data[i * width + d] - rows.data[j * width + d]);
      }
    }
  }
  const half = gradient.length / 2;
  return [gradient.slice(0, half), gradient.slice(half)];
}

/** Analytic gradients of some oracles, keyed by op name; for the others use `numericVjp`. */
export const oracleVjps: Record<string, OracleVjp> = {
  matmul: matmulVjp,
  conv2d: conv2dVjp,
  batchNorm: batchNormVjp,
  softmax: softmaxVjp,
  crossEntropy: crossEntropyVjp,
  klDivergence: klDivergenceVjp,
  mmd: mmdVjp,
  maxPool2d: maxPool2dVjp,
};
