import { add, div, mul, sub } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { mse } from "../kernels/loss.ts";
import { matmul } from "../kernels/matmul.ts";
import { mean, sum } from "../kernels/reduce.ts";
import { reshape } from "../kernels/shape.ts";
import { logSoftmax, softmax } from "../kernels/softmax.ts";
import { affine, log, sqrt, square } from "../kernels/unary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { SingleOutput } from "./single.ts";
import { flatten, pooled } from "./transfer.ts";

// Keeps what is divided by, or the logarithm taken of, from being 0.
const TINY = 1e-7;

/** A distance of one student's map [B,h,w,C] from the teacher's, of which `scores` are the finest class scores: one element. */
type FeatureDistance = (student: Tensor, teacher: Tensor, scores: Tensor) => Tensor;

/**
 * What aligned maps may be held to besides MK-MMD, by name: `fitnet`, each number of a map (Romero et al. 2015, eq. 3; the maps are
 * of one size, so there is no regressor); `at`, where an image has its energy (Zagoruyko and Komodakis 2017, eq. 2, squared as in
 * their program); `sp`, which images of a batch are alike (Tung and Mori 2019, eq. 4); `pkt`, the same as probabilities (Passalis
 * and Tefas 2018, eq. 6); `mad`, `sp` with each image counted by how unsure the teacher is of it, and summed over its row (Wei et al. 2023, MMANet).
 * Source: method.md (b)12.
 */
const distances = {
  fitnet: (student, teacher) => mse(student, teacher),
  at: (student, teacher) => mse(attention(student), attention(teacher)),
  sp: (student, teacher) => mse(similarities(student), similarities(teacher)),
  pkt: (student, teacher) => {
    const [own, wanted] = [neighbours(student), neighbours(teacher)];
    return mean(mul(wanted, sub(log(affine(wanted, 1, TINY)), log(affine(own, 1, TINY)))));
  },
  mad: (student, teacher, scores) => {
    const each = sum(square(sub(similarities(student), similarities(teacher))), { axes: [1], keepDims: true });
    return sum(mul(each, unsureness(scores)));
  },
} satisfies Record<string, FeatureDistance>;

/** The name of such a distance. */
export type FeatureLossName = keyof typeof distances;

/** All of them, the default first. */
export const featureLossNames = Object.keys(distances) as FeatureLossName[];

/** Σ over the aligned maps of such a distance of the student from the teacher, which gets no gradient; one element. */
export function featureLoss(student: readonly Tensor[], teacher: SingleOutput, name: FeatureLossName): Tensor {
  const distance: FeatureDistance = distances[name];
  const scores = teacher.scores[0]!.detach();
  const f32 = (map: Tensor) => cast(map, "f32");
  return student.map((map, i) => distance(f32(map), f32(teacher.features[i]!.detach()), scores)).reduce(add);
}

/** Rows of x [B,D], each divided by its Euclidean norm. */
function unit(x: Tensor): Tensor {
  return div(x, sqrt(affine(sum(square(x), { axes: [1], keepDims: true }), 1, TINY)));
}

/** The attention of each image, [B,h·w]: the sum of squares over channels, of norm 1. */
function attention(map: Tensor): Tensor {
  const [n, h, w] = map.shape as [number, number, number, number];
  return unit(reshape(sum(square(map), { axes: [3] }), [n, h * w]));
}

/** How alike any two images' maps are, [B,B]: their products, each row of norm 1. */
function similarities(map: Tensor): Tensor {
  const rows = flatten(map);
  return unit(matmul(rows, rows, { transposeB: true }));
}

/** The probability that an image has another as its neighbour, [B,B]: by the cosine of their maps' means over pixels. */
function neighbours(map: Tensor): Tensor {
  const rows = unit(pooled(map));
  const near = affine(matmul(rows, rows, { transposeB: true }), 0.5, 0.5);
  return div(near, sum(near, { axes: [1], keepDims: true }));
}

/** The share of each image in the batch's entropy, [B,1], of scores [B,K], or of maps [B,H,W,K] the mean over pixels. */
function unsureness(scores: Tensor): Tensor {
  const [n, classes] = [scores.shape[0]!, scores.shape.at(-1)!];
  const rows = reshape(scores, [n, scores.size / n / classes, classes]);
  const entropy = affine(mean(mul(softmax(rows), logSoftmax(rows)), { axes: [1, 2] }), -1, TINY);
  const column = reshape(entropy, [n, 1]);
  return div(column, sum(column));
}
