import { affine } from "../../kernels/unary.ts";
import type { Module } from "../../nn/module.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { multimodal } from "../architectures.ts";
import { featureLoss } from "../featureLoss.ts";
import { type Built, input, type Parts } from "../method.ts";
import { Terms } from "../objective.ts";
import { type Gates, gated } from "../onestage.ts";
import { createHead } from "../task.ts";
import { drawGates } from "./onestage.ts";

/** Weights of the margin-aware distillation and of the modality-aware regularisation: those for faces and for NYUv2. */
const weights = { classify: { mad: 30, mar: 0.5 }, segment: { mad: 4, mar: 0.2 } };

/**
 * MMANet's network: modality dropout, with fused maps that learn from the RGB-D network which images are alike (MAD), and with
 * a second head that regularises them by the images of which only the weak modality is left (MAR): the one that is there at
 * test time. MAR may rise to its weight, which began after some epochs there. Source: Wei et al. 2023 (MMANet); method.md (b)12.
 */
export function mmanetNetwork(parts: Parts): Built {
  const { available, config, encoder, init, judge, modalities, task } = parts;
  const { network, run, predict } = multimodal(parts);
  const auxiliary = createHead(task, init.at("auxiliary"), encoder, config.classes);
  const { mad, mar } = weights[task];
  return {
    network,
    predict,
    beside: new Map<string, Module>([["auxiliary", auxiliary]]),
    loss(batch, pass) {
      const [x, target] = [input(batch, available), input(batch, "target")];
      const gates = drawGates(x, pass, modalities.length);
      const { scores, fused } = run(batch, pass, gates);
      const terms = new Terms(pass.ramp)
        .add("task", 1, () => judge.judge(scores, target))
        .add("mad", mad, () => featureLoss(fused.features, parts.teach("teacher", batch), "mad"))
        .addRising("mar", mar, () => {
          const weak = onlyOpen(gates, modalities.indexOf(available));
          // Scores that are all 0 have a cross entropy that nothing changes.
          const counted = auxiliary.forward(fused.maps, x, pass).scores.map((scale) => gated(scale, weak));
          return judge.judge(counted, target);
        });
      return terms.loss(scores, target);
    },
  };
}

/** 1 for each image of which only this one of two streams is open, else 0: [N,1,1,1]; never are both closed. */
function onlyOpen({ available, others }: Gates, stream: number): Tensor {
  return affine((stream === 0 ? others![0] : available) as Tensor, -1, 1);
}
