import { add, div, mul, sub } from "../kernels/binary.ts";
import { matmul } from "../kernels/matmul.ts";
import { mean, sum } from "../kernels/reduce.ts";
import { concat, slice, transpose } from "../kernels/shape.ts";
import { affine, exp, relu, square } from "../kernels/unary.ts";
import type { Tensor } from "../tensor/tensor.ts";

// Kernels of the feature layer: bandwidths 2^-3 … 2^1 times the mean squared distance.
const FACTORS = [1 / 8, 1 / 4, 1 / 2, 1, 2];
// The prediction layer has one kernel exp(-D / 1.69).
const PREDICTION_WIDTH = 1.69;

/** Features of one layer or more, [B,d] each, and a prediction [B,K]. */
type Layers = readonly [...features: Tensor[], predictions: Tensor];

/**
 * Joint maximum mean discrepancy of two batches, each one feature [B,d] or more and a prediction [B,K] an image: the kernels of
 * all layers are multiplied, so that the joint distribution is compared; the quadratic, unbiased estimate, which may be negative.
 * A one-element tensor. Source: Long et al. 2017, eq. 9; constants as in method.md (b)11.
 */
export function jointMmd(source: Layers, target: Layers): Tensor {
  const n = source[0].shape[0]!;
  const distances = source.map((layer, i) => squaredDistances(layer, target[i]!));
  const widths = distances.slice(0, -1).map((features) => affine(mean(features.detach()), 2, 1e-6));
  const joint = jointKernel(distances, widths);
  const total = (row: number, column: number) => sum(slice(joint, [row * n, column * n], [n, n]));
  // The diagonal of the joint kernel is constant: one for each kernel of a feature layer, multiplied.
  const diagonal = FACTORS.length ** widths.length;
  const within = affine(add(total(0, 0), total(1, 1)), 1 / (n * (n - 1)), (-2 * diagonal) / (n - 1));
  const between = affine(add(total(0, 1), total(1, 0)), 1 / (n * n));
  return affine(sub(within, between), 1, 2 / (n - 1));
}

/**
 * The same by the linear estimate, from pairs of neighbours only: the mean over i of K(s_i, s_i+1) + K(t_i, t_i+1) -
 * K(s_i, t_i+1) - K(s_i+1, t_i), the last image followed by the first, and the same constant.
 * Source: Long et al. 2017, eq. 10; method.md (b)11.
 */
export function linearJointMmd(source: Layers, target: Layers): Tensor {
  const n = source[0].shape[0]!;
  const widths = source.slice(0, -1).map((features, i) => {
    const rows = concat([features.detach(), target[i]!.detach()], 0);
    const fromMean = square(sub(rows, mean(rows, { axes: [0], keepDims: true })));
    // The mean squared distance of all pairs is twice that from the mean row: the width is the quadratic estimate's.
    return affine(mean(fromMean), 4 * rows.shape[1]!, 1e-6);
  });
  const next = (layers: Layers) => layers.map(rolled);
  const total = (a: readonly Tensor[], b: readonly Tensor[]) => {
    const distances = a.map((layer, i) => sum(square(sub(layer, b[i]!)), { axes: [1] }));
    return sum(jointKernel(distances, widths));
  };
  const [nextSource, nextTarget] = [next(source), next(target)];
  const within = add(total(source, nextSource), total(target, nextTarget));
  const between = add(total(source, nextTarget), total(nextSource, target));
  return affine(sub(within, between), 1 / n, 2 / (n - 1));
}

/** The rows of x [B,C], each in the place of the one before, the first in the last's. */
function rolled(x: Tensor): Tensor {
  const [n, columns] = x.shape as [number, number];
  return concat([slice(x, [1, 0], [n - 1, columns]), slice(x, [0, 0], [1, columns])], 0);
}

/** The product of all layers' kernels, element by element of their squared distances; a width for each layer of features. */
function jointKernel(distances: readonly Tensor[], widths: readonly Tensor[]): Tensor {
  const ofFeatures = widths.map((width, i) => {
    const scaled = div(distances[i]!, width);
    return FACTORS.map((factor) => exp(affine(scaled, -1 / factor))).reduce(add);
  });
  return [...ofFeatures, exp(affine(distances.at(-1)!, -1 / PREDICTION_WIDTH))].reduce(mul);
}

/** All squared distances between the rows of two batches together, [2B,2B]. */
function squaredDistances(source: Tensor, target: Tensor): Tensor {
  const rows = concat([source, target], 0);
  // Distances do not depend on the centre, their rounding does.
  const centred = sub(rows, mean(rows.detach(), { axes: [0], keepDims: true }));
  const norms = sum(square(centred), { axes: [1], keepDims: true });
  const products = matmul(centred, centred, { transposeB: true });
  return relu(sub(add(norms, transpose(norms, [1, 0])), affine(products, 2)));
}
