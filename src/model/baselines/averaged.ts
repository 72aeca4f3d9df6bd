import { div, mul } from "../../kernels/binary.ts";
import { affine } from "../../kernels/unary.ts";
import { inference, type Module, type Pass } from "../../nn/module.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { ensembleOfTwo, singleStream, twoStreams } from "../architectures.ts";
import { type Built, type DeviceBatch, input, type Method, type Modality, type Parts } from "../method.ts";
import { type Loss, singleObjective, Terms } from "../objective.ts";
import type { SingleOutput } from "../single.ts";
import { startFrom } from "../start.ts";
import { TwoStreams } from "../streams.ts";
import { averageScores, hallucinationLoss, hallucinationSum } from "../transfer.ts";
import { softCrossEntropy } from "./student.ts";

type Outputs = { a: SingleOutput; h: SingleOutput };

/** What differs between networks of two streams whose predictions are joined. */
interface Joined {
  /** What each stream sees. */
  modalities: readonly [Modality, Modality];
  begin(network: TwoStreams): Promise<void>;
  /** The cross entropy of the mean of the scores, unless given. */
  loss?(outputs: Outputs, batch: DeviceBatch): Loss;
}

/** Such networks: the mean of the scores predicts, unless it is another network of this form. */
function joined(
  parts: Parts,
  { modalities, begin, loss = lossOfMean(parts) }: Joined,
  deployed = twoStreams(parts, modalities),
): Built {
  const { network, predict } = deployed;
  const run = (batch: DeviceBatch, pass: Pass) =>
    network.forward(input(batch, modalities[0]), input(batch, modalities[1]), pass);
  return {
    network,
    predict,
    begin: () => begin(network),
    loss: (batch, pass) => loss(run(batch, pass), batch),
  };
}

/** The cross entropy of the mean of the scores. */
function lossOfMean({ judge }: Parts) {
  return ({ a, h }: Outputs, batch: DeviceBatch): Loss =>
    singleObjective({ scores: averageScores(a.scores, h.scores) }, input(batch, "target"), judge);
}

/** The network of another method, to start a part of this one from. */
function networkOf<M extends Module>(method: Method): M {
  return method.network as M;
}

/** Two networks of one modality, trained apart, whose probabilities are averaged: equal capacity without depth. */
export function ensemble(parts: Parts): Built {
  const { available } = parts;
  return joined(
    parts,
    {
      modalities: [available, available],
      async begin({ a, h }) {
        await startFrom(a, networkOf(parts.need("first")));
        await startFrom(h, networkOf(parts.need("second")));
      },
    },
    ensembleOfTwo(parts),
  );
}

/**
 * Hoffman's hallucination network: H starts from the privileged network and is held to its deepest map, both streams and
 * their mean learn from the labels. The weight of the map's loss keeps its value at ten times the available stream's cross
 * entropy. Source: Hoffman et al. 2016; method.md (b)6.
 */
export function hoffman(parts: Parts): Built {
  const { judge, available } = parts;
  return joined(parts, {
    modalities: [available, available],
    begin: ({ h }) => startFrom(h, networkOf(parts.need("privileged"))),
    loss({ a, h }, batch) {
      const target = input(batch, "target");
      const both = averageScores(a.scores, h.scores);
      const own = judge.judge(a.scores, target);
      const map = hallucinationLoss(h.features, parts.teach("privileged", batch));
      return new Terms()
        .add("task", 1, () => judge.judge(both, target))
        .add("available", 1, () => own)
        .add("hall", 1, () => judge.judge(h.scores, target))
        .add("map", 10, () => balanced(map, own))
        .note("map", map.detach())
        .loss(both, target);
    },
  });
}

/** A loss scaled so that its value is that of another one, through which no gradient goes. */
function balanced(loss: Tensor, like: Tensor): Tensor {
  return mul(loss, div(like.detach(), affine(loss.detach(), 1, 1e-6)));
}

/** Step 2 of Garcia's: both modalities' networks, tuned together on the mean of their scores. Source: method.md (b)7. */
export function garciaStreams(parts: Parts): Built {
  const { available } = parts;
  const missing = parts.missing[0]!;
  return joined(parts, {
    modalities: [available, missing],
    async begin({ a, h }) {
      await startFrom(a, networkOf(parts.need("available")));
      await startFrom(h, networkOf(parts.need("privileged")));
    },
  });
}

/** The last step of Garcia's and of ADMD: the available stream and H, tuned on the mean of their scores. */
export function tunedTogether(parts: Parts): Built {
  const { available } = parts;
  return joined(parts, {
    modalities: [available, available],
    async begin({ a, h }) {
      const first = parts.need("available").network;
      await startFrom(a, first instanceof TwoStreams ? first.a : first);
      await startFrom(h, networkOf(parts.need("hallucination")));
    },
  });
}

/**
 * Step 3 of Garcia's: H starts from the privileged stream and learns from the labels, from its softened classes (both at
 * temperature 10) and its deepest map. Source: Garcia et al. 2018; method.md (b)7.
 */
export function garciaHallucination(parts: Parts): Built {
  const { judge, available } = parts;
  const { network, predict } = singleStream(parts);
  const streams = () => networkOf<TwoStreams>(parts.need("streams"));
  return {
    network,
    predict,
    begin: () => startFrom(network, streams().h),
    loss(batch, pass) {
      const target = input(batch, "target");
      const output = network.forward(input(batch, available), pass);
      const teacher = noGrad(() => streams().h.forward(input(batch, parts.missing[0]!), inference));
      return new Terms()
        .add("task", 0.25, () => judge.judge(output.scores, target, 0))
        .add("soft", 0.25, () => softCrossEntropy(output.scores, teacher.scores, 10, 10))
        .add("map", 0.005, () => hallucinationSum(output.features, teacher))
        .loss(output.scores, target);
    },
  };
}
