import { type Arr, arr, mapArr, rowsOf } from "./array.ts";

/** Attributes of batchNorm. */
export interface BatchNormAttrs {
  training: boolean;
  momentum?: number;
  eps?: number;
  activation?: "none" | "relu";
}

/** Mean and biased variance of each channel of x[..., C], and the number of values per channel. */
export function channelMoments(x: Arr): { mean: Arr; variance: Arr; count: number } {
  const { rows, columns } = rowsOf(x.shape);
  const mean = arr([columns]);
  const variance = arr([columns]);
  for (let c = 0; c < columns; c++) {
    for (let row = 0; row < rows; row++) mean.data[c] += x.data[row * columns + c] / rows;
    for (let row = 0; row < rows; row++) variance.data[c] += (x.data[row * columns + c] - mean.data[c]) ** 2 / rows;
  }
  return { mean, variance, count: rows };
}

/**
 * gamma * (x - mean) / sqrt(variance + eps) + beta over the last axis of x[..., C], plus the residual, cut off below 0 by relu.
 * Inputs x, gamma, beta, runningMean, runningVar and, if any, residual; training takes the moments of the batch instead
 * of the running ones.
 */
export function batchNorm([x, gamma, beta, runningMean, runningVar, residual]: Arr[], attrs: BatchNormAttrs): Arr {
  const { columns } = rowsOf(x.shape);
  const { mean, variance } = attrs.training ? channelMoments(x) : { mean: runningMean, variance: runningVar };
  const eps = attrs.eps ?? 1e-5;
  return mapArr(x, (value, i) => {
    const c = i % columns;
    const normal = (value - mean.data[c]) / Math.sqrt(variance.data[c] + eps);
    const y = gamma.data[c] * normal + beta.data[c] + (residual?.data[i] ?? 0);
    return attrs.activation === "relu" && y < 0 ? 0 : y;
  });
}

/** Running moments after a training step: moving averages of the batch mean and the unbiased batch variance. */
export function batchNormRunning(
  [x, , , runningMean, runningVar]: Arr[],
  attrs: Pick<BatchNormAttrs, "momentum">,
): { mean: Arr; variance: Arr } {
  const momentum = attrs.momentum ?? 0.1;
  const batch = channelMoments(x);
  const unbias = batch.count / (batch.count - 1);
  return {
    mean: mapArr(runningMean, (old, c) => (1 - momentum) * old + momentum * batch.mean.data[c]),
    variance: mapArr(runningVar, (old, c) => (1 - momentum) * old + momentum * unbias * batch.variance.data[c]),
  };
}
