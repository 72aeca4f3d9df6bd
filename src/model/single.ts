import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Encoder, type EncoderConfig } from "./encoder.ts";
import type { Head, HeadOutput } from "./head.ts";
import { createHead, type Task } from "./task.ts";

/** What a single stream gives: class scores, and the maps that the transfer loss compares. */
export type SingleOutput = HeadOutput;

/** A single-modality network: the baselines, and the privileged network P. */
export class SingleNetwork extends Module {
  readonly encoder: Encoder;
  readonly head: Head;

  constructor(init: Init, channels: number, classes: number, config: EncoderConfig, task: Task = "classify") {
    super();
    this.encoder = new Encoder(init.at("encoder"), channels, config);
    this.head = createHead(task, init.at("head"), config, classes);
  }

  /** x: [N,H,W,channels]. */
  forward(x: Tensor, pass: Pass): SingleOutput {
    return this.head.forward(this.encoder.forward(x, pass), x, pass);
  }
}
