import { add, mul } from "../../kernels/binary.ts";
import { mean } from "../../kernels/reduce.ts";
import { logSoftmax, softmax } from "../../kernels/softmax.ts";
import { affine } from "../../kernels/unary.ts";
import { inference } from "../../nn/module.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { singleStream } from "../architectures.ts";
import { featureLoss } from "../featureLoss.ts";
import { privilegedNetwork } from "../gated.ts";
import { type Built, type DeviceBatch, input, type Parts, unlabelledOf, withoutTrace } from "../method.ts";
import { meanOver, type Pair, Terms, transferTerms } from "../objective.ts";
import type { SingleNetwork, SingleOutput } from "../single.ts";
import { startStream } from "../start.ts";
import { predictionKl } from "../transfer.ts";

/** What a single network gives for a batch; `more` is the same for unlabelled images beside it, or null. */
interface Seen {
  output: SingleOutput;
  batch: DeviceBatch;
  more: { output: SingleOutput; batch: DeviceBatch } | null;
}

/** The terms of a single network's loss, for one batch. */
type Objective = (terms: Terms, seen: Seen) => Terms;

/** The network beside its teacher, the part `teacher`, on the images with labels and on those without. */
function pairsWith(parts: Parts, { output, batch, more }: Seen): Pair[] {
  const all = more ? [{ output, batch }, more] : [{ output, batch }];
  return all.map((images) => [images.output, parts.teach("teacher", images.batch)]);
}

/** A network that sees one modality, whatever it learns from. */
function single(parts: Parts, objective: Objective): Built {
  const { available } = parts;
  const { network, predict } = singleStream(parts);
  return {
    network,
    predict,
    loss(batch, pass) {
      const output = network.forward(input(batch, available), pass);
      const beside = unlabelledOf(batch);
      const more = beside && { output: network.forward(input(beside, available), withoutTrace(pass)), batch: beside };
      return objective(new Terms(pass.ramp), { output, batch, more }).loss(output.scores, input(batch, "target"));
    },
    teach: (batch) => noGrad(() => network.forward(input(batch, available), inference)),
  };
}

/** The plain network of the available modality: cross entropy only. */
export function plain(parts: Parts): Built {
  const { judge } = parts;
  return single(parts, (terms, { output, batch }) =>
    terms.add("task", 1, () => judge.judge(output.scores, input(batch, "target"))),
  );
}

/** The privileged network: the plain one of its modality, with gates if wanted. Source: method.md a.2 (P). */
export function privileged(parts: Parts): Built {
  return plain({ ...parts, single: privilegedNetwork(parts) });
}

/** Knowledge distillation: cross entropy, T²·KL to the teacher, and a distance from its features if wanted. Source: Hinton et al. 2015; method.md (b)4, (b)12. */
export function distilled(parts: Parts): Built {
  const { judge, config } = parts;
  const { weights } = config;
  return single(parts, (terms, seen) =>
    terms
      .add("task", 1, () => judge.judge(seen.output.scores, input(seen.batch, "target")))
      .add("kl", weights.kd, () =>
        meanOver(pairsWith(parts, seen), ({ scores }, teacher) => predictionKl(scores, teacher, weights)),
      )
      .add("feature", weights.feature, () =>
        meanOver(pairsWith(parts, seen), ({ features }, teacher) =>
          featureLoss(features, teacher, weights.featureLoss),
        ),
      ),
  );
}

/** Generalized distillation: half the labels, half the privileged teacher's softened classes. Source: method.md (b)5. */
export function generalized(parts: Parts): Built {
  const { judge } = parts;
  return single(parts, (terms, { output, batch }) =>
    terms
      .add("task", 0.5, () => judge.judge(output.scores, input(batch, "target"), 0))
      .add("soft", 0.5, () => softCrossEntropy(output.scores, parts.teach("teacher", batch).scores, 10)),
  );
}

/**
 * The first stage of the two-stage control: a stream that learns under L_JAN from a frozen teacher, and with weight `hall`
 * from the labels as H does; it may start from that teacher. Source: method.md (b)10, d.5.
 */
export function adapted(parts: Parts): Built {
  const { hallInit = "fresh", weights } = parts.config;
  const built = adaptedBeside(parts, weights.hall);
  if (hallInit === "fresh") return built;
  const begin = () => startStream(built.network as SingleNetwork, parts.need("teacher").network);
  return { ...built, begin };
}

/** The student of MSHNet: cross entropy and L_JAN from a frozen teacher. Source: method.md (b)9. */
export function mshnetStudent(parts: Parts): Built {
  return adaptedBeside(parts, 1);
}

/** A stream under L_JAN, beside its cross entropy with some weight. */
function adaptedBeside(parts: Parts, task: number): Built {
  const { judge, config } = parts;
  const { weights } = config;
  return single(parts, (terms, seen) =>
    transferTerms(
      terms.add("task", task, () => judge.judge(seen.output.scores, input(seen.batch, "target"))),
      pairsWith(parts, seen),
      weights,
    ),
  );
}

/**
 * Mean cross entropy of scores against the classes that a teacher's scores say at a temperature, summed over scales; the
 * scores themselves are taken at a temperature of their own, 1 by default.
 */
export function softCrossEntropy(
  scores: readonly Tensor[],
  teacher: readonly Tensor[],
  temperature: number,
  own = 1,
): Tensor {
  return scores
    .map((scale, i) => {
      const soft = softmax(affine(teacher[i]!.detach(), 1 / temperature));
      const said = own === 1 ? scale : affine(scale, 1 / own);
      return affine(mean(mul(soft, logSoftmax(said))), -scale.shape.at(-1)!);
    })
    .reduce(add);
}
