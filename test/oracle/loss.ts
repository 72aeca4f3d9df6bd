import { type Arr, arr, mapArr, rowsOf, scalar } from "./array.ts";
import { freeze } from "./frozen.ts";
import { logSoftmax } from "./reduce.ts";

/** Attributes of crossEntropy; rows whose target is `ignoreIndex` do not count. */
export interface CrossEntropyAttrs {
  ignoreIndex?: number;
  labelSmoothing?: number;
}

/** Attributes of klDivergence. */
export interface KlDivergenceAttrs {
  temperature: number;
}

/** Attributes of mmd; `eps` keeps the bandwidth of coinciding rows above zero. */
export interface MmdAttrs {
  kernels?: number;
  multiplier?: number;
  eps?: number;
}

/**
 * Weight of every row and logit in -sum(weight * logSoftmax): the smoothed, class-weighted target
 * distribution over the total weight of the counted rows. All zero when no row counts.
 */
export function crossEntropyWeights([logits, target, classWeights]: Arr[], attrs: CrossEntropyAttrs = {}): Arr {
  const { rows, columns } = rowsOf(logits.shape);
  const { ignoreIndex = -100, labelSmoothing = 0 } = attrs;
  const classWeight = (c: number) => (classWeights ? classWeights.data[c] : 1);
  const weights = arr(logits.shape);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const label = target.data[row];
    if (label === ignoreIndex) continue;
    if (!(label >= 0 && label < columns))
      throw new Error(`crossEntropy: target ${label} is not one of ${columns} classes`);
    total += classWeight(label);
    for (let c = 0; c < columns; c++) {
      const probability = (c === label ? 1 - labelSmoothing : 0) + labelSmoothing / columns;
      weights.data[row * columns + c] = probability * classWeight(c);
    }
  }
  return total > 0 ? mapArr(weights, (value) => value / total) : arr(logits.shape);
}

/**
 * Mean cross entropy of logits[..., C] against classes target[...], with optional classWeights[C].
 * Source: PyTorch, CrossEntropyLoss with reduction "mean"; no counted row gives 0.
 */
export function crossEntropy(inputs: Arr[], attrs?: CrossEntropyAttrs): Arr {
  const weights = crossEntropyWeights(inputs, attrs);
  const logProbabilities = logSoftmax([inputs[0]]);
  let total = 0;
  weights.data.forEach((weight, i) => {
    if (weight !== 0) total -= weight * logProbabilities.data[i];
  });
  return scalar(total);
}

/**
 * T^2 times the mean over rows of KL(softmax(teacher / T) || softmax(student / T)); inputs student, teacher [..., C].
 * Source: Hinton et al., arXiv 1503.02531.
 */
export function klDivergence([student, teacher]: Arr[], { temperature }: KlDivergenceAttrs): Arr {
  const soften = (logits: Arr) => logSoftmax([mapArr(logits, (value) => value / temperature)]);
  const logQ = soften(student);
  const logP = soften(teacher);
  let total = 0;
  logP.data.forEach((value, i) => {
    total += Math.exp(value) * (value - logQ.data[i]);
  });
  return scalar((temperature ** 2 * total) / rowsOf(student.shape).rows);
}

/** Mean squared difference of two arrays of one shape. */
export function mse([a, b]: Arr[]): Arr {
  let total = 0;
  for (let i = 0; i < a.data.length; i++) total += (a.data[i] - b.data[i]) ** 2;
  return scalar(total / a.data.length);
}

/** What mmd is made of: rows [N,D] of both sets, their signs, squared distances [N,N] and the bandwidths. */
export interface MmdParts {
  rows: Arr;
  signs: number[];
  distances: Arr;
  bandwidths: number[];
}

/** Stacks both sets and derives the detached bandwidths b * multiplier^(k - floor(kernels / 2)). */
export function mmdParts([source, target]: Arr[], attrs: MmdAttrs = {}): MmdParts {
  const { kernels = 5, multiplier = 2, eps = 1e-12 } = attrs;
  const [batch, width] = source.shape;
  if (source.shape.join() !== target.shape.join()) {
    throw new Error(`mmd: source [${source.shape}] and target [${target.shape}] differ`);
  }
  const count = 2 * batch;
  const rows = arr([count, width], [...source.data, ...target.data]);
  const distances = arr([count, count]);
  let total = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      let squared = 0;
      for (let d = 0; d < width; d++) squared += (rows.data[i * width + d] - rows.data[j * width + d]) ** 2;
      distances.data[i * count + j] = squared;
      total += squared;
    }
  }
  const [bandwidth] = freeze(Float64Array.of(total / (count ** 2 - count) + eps));
  return {
    rows,
    signs: Array.from({ length: count }, (_, i) => (i < batch ? 1 : -1)),
    distances,
    bandwidths: Array.from({ length: kernels }, (_, k) => bandwidth * multiplier ** (k - Math.floor(kernels / 2))),
  };
}

/**
 * Multi-kernel maximum mean discrepancy of source[B,D] and target[B,D]: the mean over B x B of K_ss + K_tt - K_st - K_ts
 * with K = sum_k exp(-distance^2 / b_k). Source: Long et al., arXiv 1502.02791 (biased estimate, summed kernels).
 */
export function mmd(inputs: Arr[], attrs?: MmdAttrs): Arr {
  const { signs, distances, bandwidths } = mmdParts(inputs, attrs);
  const count = signs.length;
  let total = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      for (const b of bandwidths) total += signs[i] * signs[j] * Math.exp(-distances.data[i * count + j] / b);
    }
  }
  return scalar(total / (count / 2) ** 2);
}
