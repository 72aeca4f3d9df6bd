import { weightedStreams } from "../architectures.ts";
import { type Built, input, type Parts } from "../method.ts";
import { singleObjective } from "../objective.ts";
import { startFrom } from "../start.ts";

/**
 * The second stage of MSHNet: the adapted student and a plain network, both frozen but for their last layers, whose scores
 * are summed with learnt weights that begin as (1, 0). Source: Wei et al. 2023 (MSH-Net); method.md (b)9.
 */
export function mshnet(parts: Parts): Built {
  const { judge } = parts;
  const { network, predict, scores } = weightedStreams(parts);
  return {
    network,
    predict,
    async begin() {
      await startFrom(network.a, parts.need("student").network);
      await startFrom(network.h, parts.need("second").network);
      for (const stream of [network.a, network.h]) stream.freeze(stream.head.scoring);
    },
    loss: (batch) => singleObjective({ scores: scores(batch) }, input(batch, "target"), judge),
  };
}
