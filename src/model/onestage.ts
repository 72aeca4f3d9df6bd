import { type Init, Module, type Pass } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { CrossTranslation, type Translated } from "./ctn.ts";
import { Encoder, type EncoderConfig } from "./encoder.ts";
import type { Head } from "./head.ts";
import { alignedMaps, createHead, type Task } from "./task.ts";

/** Where the two streams are fused: after every stage with feed-back, or once after the second stage. */
export type Fusion = "deep" | "mid";

/** Settings of a two-stream network. */
export interface OneStageConfig {
  /** Classify unless given. */
  task?: Task;
  encoder: EncoderConfig;
  classes: number;
  /** Channels of the modality that is there at test time: 3 for colour, 1 for depth. */
  available: number;
  /** Channels of what the second stream sees: the same for hallucination, the other modality's for the upper bound. */
  second: number;
  fusion: Fusion;
  /** Batch norm after each translator's mixing convolution. */
  normalise: boolean;
  /** Whether the second stream has its own head: yes for hallucination, no for the upper bound. */
  hallucination: boolean;
}

/** What the two-stream network gives. */
export interface OneStageOutput {
  /** Class scores of the fused head F: [N,classes] for images; for pixels one [N,H,W,classes] a scale, finest first. */
  scores: Tensor[];
  /** Class scores of the hallucination stream's own head, alike; null without it. */
  hallucinated: Tensor[] | null;
  /** The hallucination stream's deepest maps, [N,H,W,C] each, deepest last: what JAN aligns with P. */
  features: Tensor[];
  /** Per fusion level: both modalities as the shared translators see them. */
  translated: Translated[];
}

/**
 * The one-stage network without its privileged part: stream A on the available modality, hallucination stream H that
 * sees the same input and learns to give what the missing modality's network would, a cross translation after the
 * fused stages, and the fused head F. Information flows from H to A only, so H can be aligned with P cleanly, and no
 * gradient is stopped between them. With the missing modality itself as second input it is the upper bound.
 * Source: arXiv 2309.08204; method.md a.2 (feed-back) and a.6 (classification).
 */
export class OneStageNetwork extends Module {
  readonly a: Encoder;
  readonly h: Encoder;
  readonly ctn: CrossTranslation[];
  readonly headF: Head;
  readonly headH: Head | null;
  readonly #task: Task;
  readonly #levels: readonly number[];

  constructor(init: Init, config: OneStageConfig) {
    super();
    const { encoder, classes, task = "classify" } = config;
    const levels = fusionLevels(config);
    this.#task = task;
    this.#levels = levels;
    this.a = new Encoder(init.at("a"), config.available, encoder);
    this.h = new Encoder(init.at("h"), config.second, encoder);
    this.ctn = levels.map(
      (level) => new CrossTranslation(init.at("ctn", level), encoder.widths[level - 1]!, config.normalise),
    );
    this.headF = createHead(task, init.at("headF"), encoder, classes);
    this.headH = config.hallucination ? createHead(task, init.at("headH"), encoder, classes) : null;
  }

  /** x: [N,H,W,available]; second: x itself for hallucination, or the other modality. */
  forward(x: Tensor, second: Tensor, pass: Pass): OneStageOutput {
    let a = this.a.pool(this.a.stem(x, pass));
    let h = this.h.pool(this.h.stem(second, pass));
    const fused: Tensor[] = [];
    const hallucinated: Tensor[] = [];
    const translated: Translated[] = [];
    const deepest = this.#levels.at(-1)!;
    for (let stage = 1; stage <= this.a.stages; stage++) {
      a = this.a.stage(stage, a, pass);
      // Behind the last fusion only the hallucination head still needs H.
      if (stage <= deepest || this.headH) {
        h = this.h.stage(stage, h, pass);
        hallucinated.push(h);
      }
      const level = this.#levels.indexOf(stage);
      if (level >= 0) {
        const result = this.ctn[level]!.forward(a, h, pass);
        translated.push(result);
        a = result.fused;
      }
      fused.push(a);
    }
    return {
      scores: this.headF.forward(fused, pass),
      hallucinated: this.headH?.forward(hallucinated, pass) ?? null,
      features: alignedMaps(this.#task, hallucinated),
      translated,
    };
  }
}

function fusionLevels({ fusion, encoder }: OneStageConfig): number[] {
  if (fusion === "deep") return encoder.widths.map((_, stage) => stage + 1);
  if (fusion === "mid") return [2];
  throw new UsageError(`--fusion: expected deep or mid, got ${fusion}`);
}
