import { add, mul } from "../../kernels/binary.ts";
import { mean } from "../../kernels/reduce.ts";
import { logSoftmax, softmax } from "../../kernels/softmax.ts";
import { affine } from "../../kernels/unary.ts";
import { inference } from "../../nn/module.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Built, type DeviceBatch, input, type Modality, type Parts } from "../method.ts";
import { Terms, transferTerms } from "../objective.ts";
import type { SingleOutput } from "../single.ts";
import { scoresAt } from "../task.ts";
import { predictionKl } from "../transfer.ts";

/** The terms of a single network's loss, for one batch. */
type Objective = (terms: Terms, output: SingleOutput, batch: DeviceBatch) => Terms;

/** A network that sees one modality, whatever it learns from. */
function single(parts: Parts, modality: Modality, objective: Objective): Built {
  const network = parts.single(parts.init, modality);
  return {
    network,
    loss(batch, pass) {
      const output = network.forward(input(batch, modality), pass);
      return objective(new Terms(), output, batch).loss(output.scores, input(batch, "target"));
    },
    teach: (batch) => noGrad(() => network.forward(input(batch, modality), inference)),
    predict(batch) {
      const x = input(batch, modality);
      const [scores] = network.forward(x, inference).scores;
      return { logits: scoresAt(x, scores!), hallucinated: null, restored: null };
    },
  };
}

/** The plain network of the available modality: cross entropy only. */
export function plain(parts: Parts): Built {
  const { judge } = parts;
  return single(parts, parts.available, (terms, { scores }, batch) =>
    terms.add("task", 1, () => judge.judge(scores, input(batch, "target"))),
  );
}

/** Knowledge distillation: cross entropy and T²·KL to the teacher. Source: Hinton et al. 2015; method.md (b)4. */
export function distilled(parts: Parts): Built {
  const { judge, config } = parts;
  const { kd, temperature } = config.weights;
  return single(parts, parts.available, (terms, { scores }, batch) =>
    terms
      .add("task", 1, () => judge.judge(scores, input(batch, "target")))
      .add("kl", kd, () => predictionKl(scores, parts.need("teacher").teach(batch), temperature)),
  );
}

/** Generalized distillation: half the labels, half the privileged teacher's softened classes. Source: method.md (b)5. */
export function generalized(parts: Parts): Built {
  const { judge } = parts;
  return single(parts, parts.available, (terms, { scores }, batch) =>
    terms
      .add("task", 0.5, () => judge.judge(scores, input(batch, "target"), 0))
      .add("soft", 0.5, () => softCrossEntropy(scores, parts.need("teacher").teach(batch).scores, 10)),
  );
}

/**
 * A stream that learns from the labels and under L_JAN from a frozen teacher, by itself: the first stage of the two-stage
 * control and of MSHNet. Source: method.md (b)9 and (b)10.
 */
export function adapted(parts: Parts): Built {
  const { judge, config } = parts;
  const { weights } = config;
  return single(parts, parts.available, (terms, output, batch) =>
    transferTerms(
      terms.add("task", weights.hall, () => judge.judge(output.scores, input(batch, "target"))),
      output,
      parts.need("teacher").teach(batch),
      weights,
    ),
  );
}

/** Mean cross entropy of scores against the classes that a teacher's scores softly say, summed over scales. */
export function softCrossEntropy(scores: readonly Tensor[], teacher: readonly Tensor[], temperature: number): Tensor {
  return scores
    .map((scale, i) => {
      const soft = softmax(affine(teacher[i]!.detach(), 1 / temperature));
      return affine(mean(mul(soft, logSoftmax(scale))), -scale.shape.at(-1)!);
    })
    .reduce(add);
}
