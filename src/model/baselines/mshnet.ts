import { add, mul } from "../../kernels/binary.ts";
import { type Init, inference } from "../../nn/module.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Built, type DeviceBatch, input, type Parts } from "../method.ts";
import { singleObjective } from "../objective.ts";
import { startFrom } from "../start.ts";
import { TwoStreams } from "../streams.ts";
import { scoresAt } from "../task.ts";

/** Two streams whose scores are summed with learnt weights. */
class WeightedStreams extends TwoStreams {
  readonly weightA: Tensor;
  readonly weightH: Tensor;

  constructor(init: Init, parts: Parts) {
    super(init, parts, [parts.available, parts.available]);
    this.weightA = init.constant([1], 1);
    this.weightH = init.constant([1], 0);
  }
}

/**
 * The second stage of MSHNet: the adapted student and a plain network, both frozen but for their last layers, whose scores
 * are summed with learnt weights that begin as (1, 0). Source: Wei et al. 2023 (MSH-Net); method.md (b)9.
 */
export function mshnet(parts: Parts): Built {
  const { available, judge, init } = parts;
  const network = new WeightedStreams(init, parts);
  const scores = (batch: DeviceBatch): Tensor[] => {
    const x = input(batch, available);
    const { a, h } = network.forward(x, x, inference);
    return a.scores.map((scale, i) => add(mul(scale, network.weightA), mul(h.scores[i]!, network.weightH)));
  };
  return {
    network,
    async begin() {
      await startFrom(network.a, parts.need("student").network);
      await startFrom(network.h, parts.need("second").network);
      for (const stream of [network.a, network.h]) stream.freeze(stream.head.scoring);
    },
    loss: (batch) => singleObjective({ scores: scores(batch) }, input(batch, "target"), judge),
    teach: (batch) =>
      noGrad(() => ({ ...network.a.forward(input(batch, available), inference), scores: scores(batch) })),
    predict: (batch) => ({
      logits: scoresAt(input(batch, available), scores(batch)[0]!),
      hallucinated: null,
      restored: null,
    }),
  };
}
