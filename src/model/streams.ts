import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { NetworkParts } from "./architectures.ts";
import type { Modality } from "./method.ts";
import type { SingleNetwork, SingleOutput } from "./single.ts";

/** Two single-modality networks side by side, whose predictions are averaged: what many baselines deploy. */
export class TwoStreams extends Module {
  /** The stream of the modality that is there at test time. */
  readonly a: SingleNetwork;
  /** The other stream: a second one of its kind, the hallucination stream, or the one of the other modality. */
  readonly h: SingleNetwork;

  constructor(init: Init, { single }: Pick<NetworkParts, "single">, modalities: readonly [Modality, Modality]) {
    super();
    this.a = single(init.at("a"), modalities[0]);
    this.h = single(init.at("h"), modalities[1]);
  }

  /** What both streams give for their inputs. */
  forward(x: Tensor, second: Tensor, pass: Pass): { a: SingleOutput; h: SingleOutput } {
    return { a: this.a.forward(x, pass), h: this.h.forward(second, pass) };
  }
}

/** Two streams whose scores are summed with learnt weights, which begin as (1, 0). Source: Wei et al. 2023 (MSH-Net). */
export class WeightedStreams extends TwoStreams {
  readonly weightA: Tensor;
  readonly weightH: Tensor;

  constructor(init: Init, parts: Pick<NetworkParts, "single">, modality: Modality) {
    super(init, parts, [modality, modality]);
    this.weightA = init.constant([1], 1);
    this.weightH = init.constant([1], 0);
  }
}
