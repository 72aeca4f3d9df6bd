import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ClassifierHead, Encoder, type EncoderConfig } from "./encoder.ts";

/** What a single stream gives: class scores, and the map they were computed from (for the transfer loss). */
export interface SingleOutput {
  /** [N,classes]. */
  logits: Tensor;
  /** Map of the last stage, [N,H,W,C]. */
  features: Tensor;
}

/** A single-modality classifier: the baselines, and the privileged network P. */
export class SingleNetwork extends Module {
  readonly encoder: Encoder;
  readonly head: ClassifierHead;

  constructor(init: Init, channels: number, classes: number, config: EncoderConfig) {
    super();
    this.encoder = new Encoder(init.at("encoder"), channels, config);
    this.head = new ClassifierHead(init.at("head"), config.widths.at(-1)!, classes, config.dropout);
  }

  forward(x: Tensor, pass: Pass): SingleOutput {
    const features = this.encoder.forward(x, pass);
    return { logits: this.head.forward(features, pass), features };
  }
}
