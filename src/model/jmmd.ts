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

/**
 * Joint maximum mean discrepancy of two batches, each a feature [B,d] and a prediction [B,K] an image: the kernels of both
 * layers are multiplied, so that the joint distribution is compared; the quadratic, unbiased estimate, which may be negative.
 * A one-element tensor. Source: Long et al. 2017, eq. 9; constants as in method.md (b)11.
 */
export function jointMmd(source: readonly [Tensor, Tensor], target: readonly [Tensor, Tensor]): Tensor {
  const n = source[0].shape[0]!;
  const [features, predictions] = [0, 1].map((layer) => squaredDistances(source[layer]!, target[layer]!));
  const width = affine(mean(features!.detach()), 2, 1e-6);
  const scaled = div(features!, width);
  const kernels = FACTORS.map((factor) => exp(affine(scaled, -1 / factor))).reduce(add);
  const joint = mul(kernels, exp(affine(predictions!, -1 / PREDICTION_WIDTH)));
  const total = (row: number, column: number) => sum(slice(joint, [row * n, column * n], [n, n]));
  // The diagonal of the joint kernel is constant: one for each kernel of the feature layer.
  const within = affine(add(total(0, 0), total(1, 1)), 1 / (n * (n - 1)), (-2 * FACTORS.length) / (n - 1));
  const between = affine(add(total(0, 1), total(1, 0)), 1 / (n * n));
  return affine(sub(within, between), 1, 2 / (n - 1));
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
