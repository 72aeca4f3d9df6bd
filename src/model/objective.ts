import { add } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { crossEntropy, klDivergence, mse } from "../kernels/loss.ts";
import { mmd } from "../kernels/mmd.ts";
import { mean } from "../kernels/reduce.ts";
import { reshape } from "../kernels/shape.ts";
import { affine } from "../kernels/unary.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { OneStageOutput } from "./onestage.ts";
import type { SingleOutput } from "./single.ts";
import { targetAt } from "./task.ts";

/**
 * Weights of the total objective, by the names of its terms:
 * L = task + hall·CE(H) + alpha·MK-MMD(H, P) + beta·T²KL(P‖H) + lambda·L_T [+ CE(P) when P is trained online].
 * Source: arXiv 2309.08204; method.md a.5, defaults as measured (prototype.md §8).
 */
export interface ObjectiveWeights {
  /** Weight of the hallucination head's cross entropy. */
  hall: number;
  /** Weight of MK-MMD on the deepest maps. */
  alpha: number;
  /** Weight of the temperature-scaled KL divergence of the predictions. */
  beta: number;
  /** Weight of the translation loss. */
  lambda: number;
  /** Temperature of the KL divergence. */
  temperature: number;
  /** Label smoothing of the task cross entropies. */
  smoothing: number;
}

/** The weights that trained best in an independent prototype, for classification. */
export const defaultWeights: ObjectiveWeights = {
  hall: 1,
  alpha: 2,
  beta: 1,
  lambda: 0.01,
  temperature: 2,
  smoothing: 0.1,
};

/** The weights for segmentation: its KL has as many terms as scales, and hurt with weight 1. Source: prototype.md §5. */
export const segmentationWeights: ObjectiveWeights = { ...defaultWeights, alpha: 0.5, beta: 0.2, smoothing: 0 };

/** A total loss and its parts, all one-element tensors; parts are unweighted. */
export interface Loss {
  total: Tensor;
  parts: Record<string, Tensor>;
  /** The finest class scores, [N,classes] or [N,H,W,classes], and their target: what accuracy is counted from. */
  scores: Tensor;
  target: Tensor;
}

/** Cross entropy of a single stream, summed over scales. target: u32 [N], or [N,H,W] for pixels, 255 = not counted. */
export function singleObjective({ scores }: SingleOutput, target: Tensor, smoothing: number): Loss {
  const targets = scores.map((scale) => targetAt(scale, target));
  const task = crossEntropies(scores, targets, smoothing);
  return { total: task, parts: { task }, scores: scores[0]!, target: targets[0]! };
}

/**
 * The whole one-stage objective; every term is summed over the scales and maps that the networks give. `privileged` is
 * P's output (null for the upper bound, which transfers nothing); its tensors are detached inside the transfer terms, so
 * P learns from its own cross entropy only, if `online`.
 */
export function oneStageObjective(
  output: OneStageOutput,
  privileged: SingleOutput | null,
  target: Tensor,
  weights: ObjectiveWeights,
  online = false,
): Loss {
  const { scores, hallucinated, features } = output;
  const targets = scores.map((scale) => targetAt(scale, target));
  const judged = (said: Tensor[]) => crossEntropies(said, targets, weights.smoothing);
  const parts: Record<string, Tensor> = { task: judged(scores) };
  const weighted: [Tensor, number][] = [[parts.task!, 1]];
  const include = (name: string, weight: number, term: () => Tensor) => {
    if (weight === 0) return;
    parts[name] = term();
    weighted.push([parts[name]!, weight]);
  };
  if (hallucinated) include("hall", weights.hall, () => judged(hallucinated));
  if (privileged && hallucinated) {
    const { temperature } = weights;
    const distance = (map: Tensor, i: number) => mmd(flatten(map), flatten(privileged.features[i]!.detach()));
    const divergence = (scale: Tensor, i: number) =>
      klDivergence(scale, privileged.scores[i]!.detach(), { temperature });
    include("mmd", weights.alpha, () => features.map(distance).reduce(add));
    include("kl", weights.beta, () => hallucinated.map(divergence).reduce(add));
  }
  include("translation", weights.lambda, () => translationLoss(output));
  if (privileged && online) include("privileged", 1, () => judged(privileged.scores));
  // How far the translators are from collapsing to zero: the mean of J2, logged but not trained.
  parts.translator = mean(cast(output.translated.at(-1)!.available.detach(), "f32"));
  return { total: sumWeighted(weighted), parts, scores: scores[0]!, target: targets[0]! };
}

/** Mean cross entropy of the scores of each scale against its target, summed. */
function crossEntropies(scores: readonly Tensor[], targets: readonly Tensor[], labelSmoothing: number): Tensor {
  return scores.map((scale, i) => crossEntropy(scale, targets[i]!, { labelSmoothing })).reduce(add);
}

/** L_T = Σ_levels mean((J2 - J3)²): what both modalities become under the shared translators must agree. */
function translationLoss({ translated }: OneStageOutput): Tensor {
  return translated.map(({ available, restored }) => mse(available, restored)).reduce(add);
}

/** A map as one row of f32 an image. */
function flatten(map: Tensor): Tensor {
  const [n] = map.shape as [number];
  return cast(reshape(map, [n, map.size / n]), "f32");
}

function sumWeighted(terms: [Tensor, number][]): Tensor {
  return terms.map(([term, weight]) => (weight === 1 ? term : affine(term, weight))).reduce(add);
}
