import { add, average, div, mul, sub } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { klDivergence, mse } from "../kernels/loss.ts";
import { mmd } from "../kernels/mmd.ts";
import { mean, sum } from "../kernels/reduce.ts";
import { resize } from "../kernels/resize.ts";
import { reshape } from "../kernels/shape.ts";
import { softmax } from "../kernels/softmax.ts";
import { abs, affine, clamp, sigmoid } from "../kernels/unary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { FeatureLossName } from "./featureLoss.ts";
import { jointMmd, linearJointMmd } from "./jmmd.ts";
import type { SingleOutput } from "./single.ts";

// Over the smallest distance of a depth from the mean that normalised millimetres can have.
const STEEP = 1e20;

/** How the terms are computed that make one network like another. */
export interface TransferForm {
  /** Temperature of the KL divergence. */
  temperature: number;
  /** Whether the KL divergence of two maps is the mean over their pixels, or their sum: PyTorch's "batchmean". */
  klPixels: "mean" | "sum";
  /** What MK-MMD compares: maps with a row of all their numbers an image, or their means over pixels. */
  aligned: "map" | "pooled";
  /** Whether JMMD is estimated from all pairs of images, or from each image and the next. */
  jmmdEstimate: "quadratic" | "linear";
  /** Whether JMMD joins the predictions with the deepest aligned map, or with the maps of all stages. */
  jmmdLayers: "last" | "all";
  /** The distance between aligned maps that `feature` weighs. */
  featureLoss: FeatureLossName;
}

/** Σ over the aligned maps of MK-MMD between student and teacher, each map one row an image. Source: method.md a.4 (D1), a.6. */
export function featureMmd(
  student: readonly Tensor[],
  teacher: SingleOutput,
  { aligned }: Pick<TransferForm, "aligned">,
): Tensor {
  const row = aligned === "pooled" ? pooled : flatten;
  return student.map((map, i) => mmd(row(map), row(teacher.features[i]!.detach()))).reduce(add);
}

/**
 * Σ over scales of T²·KL(teacher ‖ student): the mean over images, and the mean or the sum over the pixels of each.
 * Source: Hinton et al. 2015; method.md a.4, D2.
 */
export function predictionKl(
  student: readonly Tensor[],
  teacher: SingleOutput,
  { temperature, klPixels }: Pick<TransferForm, "temperature" | "klPixels">,
): Tensor {
  const terms = student.map((scale, i) => {
    const mean = klDivergence(scale, teacher.scores[i]!.detach(), { temperature });
    const pixels = scale.size / scale.shape[0]! / scale.shape.at(-1)!;
    return klPixels === "sum" && pixels > 1 ? affine(mean, pixels) : mean;
  });
  return terms.reduce(add);
}

/** Mean squared difference of the sigmoids of the deepest aligned maps. Source: Hoffman et al. 2016; method.md (b)6. */
export function hallucinationLoss(student: readonly Tensor[], teacher: SingleOutput): Tensor {
  const squashed = (map: Tensor) => sigmoid(cast(map, "f32"));
  return mse(squashed(student.at(-1)!), squashed(teacher.features.at(-1)!.detach()));
}

/** The same as a sum over the map and a mean over images. Source: Garcia et al. 2018; method.md (b)7. */
export function hallucinationSum(student: readonly Tensor[], teacher: SingleOutput): Tensor {
  const deepest = student.at(-1)!;
  return affine(hallucinationLoss(student, teacher), deepest.size / deepest.shape[0]!);
}

/** JMMD of the pooled deepest map, or those of all stages, and the finest prediction, joined. Source: Long et al. 2017; method.md (b)11. */
export function jointAdaptation(
  student: SingleOutput,
  teacher: SingleOutput,
  { jmmdEstimate, jmmdLayers }: Pick<TransferForm, "jmmdEstimate" | "jmmdLayers">,
): Tensor {
  const layers = ({ features, maps, scores }: SingleOutput) => {
    const joined = jmmdLayers === "all" ? maps : features.slice(-1);
    return [...joined, softmax(scores[0]!)].map(pooled) as [...Tensor[], Tensor];
  };
  const [source, target] = [layers(student), layers(teacher).map((layer) => layer.detach()) as [...Tensor[], Tensor]];
  return jmmdEstimate === "linear" ? linearJointMmd(source, target) : jointMmd(source, target);
}

/** Scores of two networks, averaged scale by scale. */
export function averageScores(a: readonly Tensor[], b: readonly Tensor[]): Tensor[] {
  return a.map((scale, i) => average(scale, b[i]!));
}

/**
 * Mean L1 distance of a predicted modality [N,h,w,C], resized, to what was there, [N,H,W,C]; what is exactly 0 when
 * normalised, as pixels without depth are, does not count. Ours.
 */
export function restoreDistance(predicted: Tensor, truth: Tensor): Tensor {
  const [, height, width] = truth.shape as [number, number, number];
  // Steeper than any depth is small: 0 stays 0 and everything else becomes 1.
  const known = clamp(affine(abs(truth), STEEP), 0, 1);
  const difference = abs(sub(resize(cast(predicted, "f32"), { height, width, mode: "bilinear" }), truth));
  return div(sum(mul(difference, known)), affine(sum(known), 1, 1e-6));
}

/** A map as one row of f32 an image. */
export function flatten(map: Tensor): Tensor {
  const [n] = map.shape as [number];
  return cast(reshape(map, [n, map.size / n]), "f32");
}

/** [N,…,C] as [N,C]: the mean over everything between. */
export function pooled(x: Tensor): Tensor {
  const [n, c] = [x.shape[0]!, x.shape.at(-1)!];
  return x.shape.length === 2 ? x : mean(reshape(cast(x, "f32"), [n, x.size / n / c, c]), { axes: [1] });
}
