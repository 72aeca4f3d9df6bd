import { add } from "../../kernels/binary.ts";
import { cast } from "../../kernels/cast.ts";
import { crossEntropy } from "../../kernels/loss.ts";
import { matmul } from "../../kernels/matmul.ts";
import { globalAvgPool } from "../../kernels/pool.ts";
import { mean } from "../../kernels/reduce.ts";
import { reshape, slice } from "../../kernels/shape.ts";
import { logSoftmax } from "../../kernels/softmax.ts";
import { affine, relu } from "../../kernels/unary.ts";
import { Linear } from "../../nn/layers.ts";
import { type Init, Module } from "../../nn/module.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { singleStream } from "../architectures.ts";
import { type Built, input, type Parts } from "../method.ts";
import { Terms } from "../objective.ts";
import { startFrom } from "../start.ts";
import { targetAt } from "../task.ts";

// Widths of the discriminator as multiples of the feature's, as 1024, 2048 and 3072 are of the authors' 128; of wider
// features they are those of 128.
const [HIDDEN, WIDER, WIDEST] = [8, 16, 24];
const WIDEST_FEATURE = 128;

/** Tells features of P by their class from those of H, one class more: [...,C] → [...,classes+1]. Source: method.md (b)8. */
class Discriminator extends Module {
  readonly layers: Linear[];

  constructor(init: Init, features: number, classes: number) {
    super();
    const unit = Math.min(features, WIDEST_FEATURE);
    const hidden = HIDDEN * unit;
    const sizes = [features, hidden, hidden, hidden, WIDER * unit, WIDEST * unit, classes + 1];
    this.layers = sizes.slice(1).map((size, i) => new Linear(init.at("layers", i), sizes[i]!, size));
  }

  /** `frozen`: without a gradient to its own weights, for whom the features are to be judged. */
  forward(x: Tensor, frozen: boolean): Tensor {
    const [extents, features] = [x.shape.slice(0, -1), x.shape.at(-1)!];
    let y = reshape(cast(x, "f32"), [x.size / features, features]);
    for (const [i, { weight, bias }] of this.layers.entries()) {
      const [w, b] = frozen ? [weight.detach(), bias.detach()] : [weight, bias];
      const z = add(matmul(y, w, { transposeB: true }), b);
      if (i === this.layers.length - 1) return reshape(z, [...extents, z.shape[1]!]);
      // The second and third layer are residual.
      y = i === 1 || i === 2 ? add(y, relu(z)) : relu(z);
    }
    return y;
  }
}

/**
 * The adversarial step of ADMD: H starts from P, and its features are to be taken for P's of the right class by a
 * discriminator, which learns in the same step to tell them apart. P, and the head that H has from it, stay as they are.
 * What is judged is the pooled map as wide as the encoder gives it, without a bottleneck of 128.
 * Source: Garcia et al. 2019 (ADMD); method.md (b)8, with both updates in one step instead of in turn.
 */
export function admdHallucination(parts: Parts): Built {
  const { init, config, available, task } = parts;
  const { network, predict } = singleStream(parts);
  const discriminator = new Discriminator(init.at("discriminator"), parts.deepest, config.classes);
  return {
    network,
    predict,
    beside: new Map([["discriminator", discriminator]]),
    async begin() {
      await startFrom(network, parts.need("privileged").network);
      network.head.freeze();
    },
    loss(batch, pass) {
      const { scores, features } = network.forward(input(batch, available), pass);
      const teacher = parts.teach("privileged", batch);
      const target = input(batch, "target");
      const judged = (map: Tensor, frozen: boolean) =>
        discriminator.forward(task === "segment" ? map : globalAvgPool(map), frozen);
      const [restored, real] = [features.at(-1)!, teacher.features.at(-1)!];
      const truth = task === "segment" ? targetAt(restored, target) : target;
      return new Terms()
        .add("fooled", 1, () => crossEntropy(judged(restored, true), truth))
        .add("real", 1, () => crossEntropy(judged(real, false), truth))
        .add("fake", 1, () => lastClassLoss(judged(restored.detach(), false)))
        .loss(scores, target);
    },
  };
}

/** Mean cross entropy of scores [...,K] against the last class. */
function lastClassLoss(scores: Tensor): Tensor {
  const [extents, classes] = [scores.shape.slice(0, -1), scores.shape.at(-1)!];
  return affine(mean(slice(logSoftmax(scores), [...extents.map(() => 0), classes - 1], [...extents, 1])), -1);
}
