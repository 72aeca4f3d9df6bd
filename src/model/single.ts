import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Encoder, type EncoderConfig } from "./encoder.ts";
import type { Head } from "./head.ts";
import { alignedMaps, createHead, type Task } from "./task.ts";

/** What a single stream gives: class scores, and the maps that the transfer loss compares. */
export interface SingleOutput {
  /** [N,classes] for images; for pixels one [N,H,W,classes] a scale, finest first. */
  scores: Tensor[];
  /** The deepest maps, [N,H,W,C] each, deepest last. */
  features: Tensor[];
}

/** A single-modality network: the baselines, and the privileged network P. */
export class SingleNetwork extends Module {
  readonly encoder: Encoder;
  readonly head: Head;
  readonly #task: Task;

  constructor(init: Init, channels: number, classes: number, config: EncoderConfig, task: Task = "classify") {
    super();
    this.#task = task;
    this.encoder = new Encoder(init.at("encoder"), channels, config);
    this.head = createHead(task, init.at("head"), config, classes);
  }

  forward(x: Tensor, pass: Pass): SingleOutput {
    const maps = this.encoder.forward(x, pass);
    return { scores: this.head.forward(maps, pass), features: alignedMaps(this.#task, maps) };
  }
}
