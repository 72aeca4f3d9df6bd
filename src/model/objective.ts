import { add, minimum } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { mse } from "../kernels/loss.ts";
import { mean } from "../kernels/reduce.ts";
import { affine } from "../kernels/unary.ts";
import type { Live } from "../tensor/command.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { featureLoss } from "./featureLoss.ts";
import type { Judge } from "./judge.ts";
import type { OneStageOutput } from "./onestage.ts";
import type { SingleOutput } from "./single.ts";
import { targetAt } from "./task.ts";
import {
  featureMmd,
  hallucinationLoss,
  jointAdaptation,
  predictionKl,
  restoreDistance,
  type TransferForm,
} from "./transfer.ts";

export type { TransferForm } from "./transfer.ts";

/**
 * Weights of the total objective, by the names of its terms:
 * L = task + hall·CE(H) + alpha·MK-MMD(H, P) + beta·T²KL(P‖H) + lambda·L_T [+ CE(P) when P is trained online], and terms
 * that stand in for those of JAN in ablations; and how they are computed.
 * Source: arXiv 2309.08204; method.md a.5, defaults as measured (prototype.md §8).
 */
export interface ObjectiveWeights extends TransferForm {
  /** Weight of the hallucination head's cross entropy. */
  hall: number;
  /** Weight of MK-MMD on the deepest maps. */
  alpha: number;
  /** Weight of the temperature-scaled KL divergence of the predictions. */
  beta: number;
  /** Weight of the translation loss. */
  lambda: number;
  /** Label smoothing of the task cross entropies. */
  smoothing: number;
  /** Weight of JMMD between H and P. */
  jmmd: number;
  /** Weight of the mean squared difference of the sigmoids of H's and P's deepest maps. */
  sigmoid: number;
  /** Weight of another distance between the student's and the teacher's aligned maps, in the distillation baselines too. */
  feature: number;
  /** Weight of the L1 distance between the missing modality and what H's deepest map predicts of it. */
  restore: number;
  /** Weight of the temperature-scaled KL divergence of the fused head from a network that sees all modalities. */
  fused: number;
  /** Weight of the KL divergence in the distillation baselines. */
  kd: number;
}

/** Whether anything is learnt from a privileged network's features or predictions. */
export function transfers({ alpha, beta, jmmd, sigmoid, feature }: ObjectiveWeights): boolean {
  return alpha + beta + jmmd + sigmoid + feature > 0;
}

/** The weights that trained best in an independent prototype, for classification. */
export const defaultWeights: ObjectiveWeights = {
  hall: 1,
  alpha: 2,
  beta: 1,
  lambda: 0.01,
  ...{ temperature: 2, klPixels: "mean", aligned: "map", jmmdEstimate: "quadratic", jmmdLayers: "last" },
  featureLoss: "fitnet",
  smoothing: 0.1,
  jmmd: 0,
  sigmoid: 0,
  feature: 0,
  restore: 0,
  fused: 0,
  kd: 1,
};

/** The weights for segmentation: its KL has as many terms as scales, and hurt with weight 1. Source: prototype.md §5. */
export const segmentationWeights: ObjectiveWeights = {
  ...defaultWeights,
  alpha: 0.5,
  beta: 0.2,
  smoothing: 0,
  kd: 0.2,
};

/** A total loss and its parts, all one-element tensors; parts are unweighted. */
export interface Loss {
  total: Tensor;
  parts: Record<string, Tensor>;
  /** The finest class scores, [N,classes] or [N,H,W,classes], and their target: what accuracy is counted from. */
  scores: Tensor;
  target: Tensor;
}

/** Collects the terms of a loss; `ramp` is the share of their weight that those have by now which rise to it. */
export class Terms {
  readonly #weighted: Tensor[] = [];
  readonly #parts: Record<string, Tensor> = {};

  constructor(private readonly ramp: Live = 1) {}

  /** Adds a term; one of weight 0 is not computed, and those of one name count as their sum. */
  add(name: string, weight: number, term: () => Tensor, share: Live = 1): this {
    if (weight === 0) return this;
    const value = term();
    const before = this.#parts[name];
    this.#parts[name] = before ? add(before, value) : value;
    const factor = typeof share === "number" ? weight * share : () => weight * share();
    this.#weighted.push(factor === 1 ? value : affine(value, factor));
    return this;
  }

  /** The same for a term that rises to its weight. */
  addRising(name: string, weight: number, term: () => Tensor): this {
    return this.add(name, weight, term, this.ramp);
  }

  /** Notes a value that is logged but not trained. */
  note(name: string, value: Tensor): this {
    this.#parts[name] = value;
    return this;
  }

  /** The sum of the terms; scores, finest scale first, and target are what accuracy is counted from. */
  loss(scores: readonly Tensor[], target: Tensor): Loss {
    const finest = scores[0]!;
    return { total: this.#weighted.reduce(add), parts: this.#parts, scores: finest, target: targetAt(finest, target) };
  }
}

/** Cross entropy of a single stream, summed over scales. target: u32 [N], or [N,H,W] for pixels, 255 = not counted. */
export function singleObjective({ scores }: Pick<SingleOutput, "scores">, target: Tensor, judge: Judge): Loss {
  return new Terms().add("task", 1, () => judge.judge(scores, target)).loss(scores, target);
}

/** What a hallucination stream is held to. */
export interface Privileged {
  /** What the teacher gives, null without one; detached inside the transfer terms, so it learns from its own cross entropy only, if `online`. */
  output: SingleOutput | null;
  online: boolean;
  /** The missing modality [N,H,W,C] and what is predicted of it from H's deepest map; for the term `restore`. */
  restored?: { predicted: Tensor; truth: Tensor } | null;
  /** What H and the teacher give for images without labels. */
  more?: readonly Pair[];
}

/**
 * The transfer terms: what makes a stream's scores and aligned maps like the teacher's, for one or more sets of images.
 * With the default weights they are L_JAN. Source: arXiv 2309.08204 (JAN); method.md a.4.
 */
export function transferTerms(terms: Terms, pairs: readonly Pair[], weights: ObjectiveWeights): Terms {
  const over = (term: (student: SingleOutput, teacher: SingleOutput) => Tensor) => () => meanOver(pairs, term);
  return terms
    .addRising(
      "mmd",
      weights.alpha,
      over(({ features }, teacher) => featureMmd(features, teacher, weights)),
    )
    .addRising(
      "kl",
      weights.beta,
      over(({ scores }, teacher) => predictionKl(scores, teacher, weights)),
    )
    .addRising(
      "jmmd",
      weights.jmmd,
      over((student, teacher) => jointAdaptation(student, teacher, weights)),
    )
    .addRising(
      "sigmoid",
      weights.sigmoid,
      over(({ features }, teacher) => hallucinationLoss(features, teacher)),
    )
    .addRising(
      "feature",
      weights.feature,
      over(({ features }, teacher) => featureLoss(features, teacher, weights.featureLoss)),
    );
}

/** What a student and its teacher give for the same images. */
export type Pair = readonly [student: SingleOutput, teacher: SingleOutput];

/** The mean of a term over the images with labels and, where there are any, those without. */
export function meanOver(
  pairs: readonly Pair[],
  term: (student: SingleOutput, teacher: SingleOutput) => Tensor,
): Tensor {
  const sum = pairs.map((pair) => term(...pair)).reduce(add);
  return pairs.length === 1 ? sum : affine(sum, 1 / pairs.length);
}

/**
 * The whole one-stage objective; every term is summed over the scales and maps that the networks give, and over the
 * missing modalities: `privileged` says of each, in the order of the network's streams, what its stream is held to. Where
 * it is empty nothing is transferred, as for the upper bound. `whole` are the fused head and what it is held to, if anything;
 * `ramp` is that of `Terms`.
 */
export function oneStageObjective(
  output: OneStageOutput,
  privileged: readonly Privileged[],
  target: Tensor,
  weights: ObjectiveWeights,
  judge: Judge,
  { whole = [], ramp }: { whole?: readonly Pair[]; ramp?: Live | undefined } = {},
): Loss {
  const { scores, translated } = output;
  const terms = new Terms(ramp).add("task", 1, () => judge.judge(scores, target));
  for (const [k, { scores: hallucinated, ...maps }] of output.restored.entries()) {
    if (!hallucinated) continue;
    const { output: teacher = null, restored = null, more = [] } = privileged[k] ?? {};
    terms.add("hall", weights.hall, () => judge.judge(hallucinated, target));
    const pairs: Pair[] = teacher ? [[{ scores: hallucinated, ...maps }, teacher], ...more] : [];
    if (pairs.length > 0) transferTerms(terms, pairs, weights);
    if (restored) terms.add("restore", weights.restore, () => restoreDistance(restored.predicted, restored.truth));
  }
  if (whole.length > 0) {
    terms.add("fused", weights.fused, () =>
      meanOver(whole, ({ scores: said }, teacher) => predictionKl(said, teacher, weights)),
    );
  }
  if (translated.length > 0) {
    terms.add("translation", weights.lambda, () => translationLoss(output));
    // How far the translators are from collapsing to zero: the mean of J2, at the level where it is least.
    const levels = translated.map(({ available }) => mean(cast(available.detach(), "f32")));
    terms.note("translator", levels.reduce(minimum));
  }
  for (const { output: teacher, online } of privileged) {
    // Not smoothed, as where P is trained beforehand: its soft predictions are what is learnt from.
    if (teacher && online) terms.add("privileged", 1, () => judge.judge(teacher.scores, target, 0));
  }
  return terms.loss(scores, target);
}

/**
 * L_T = Σ_levels Σ_restored mean((J2 - J3)²): what the modalities become under the shared translators must agree, each
 * restored one with the available one.
 */
function translationLoss({ translated }: OneStageOutput): Tensor {
  return translated.flatMap(({ available, restored }) => restored.map((view) => mse(available, view))).reduce(add);
}
