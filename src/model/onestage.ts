import { average } from "../kernels/binary.ts";
import { reshape } from "../kernels/shape.ts";
import { affine } from "../kernels/unary.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { weighted } from "./blocks.ts";
import type { Translated } from "./ctn.ts";
import { Encoder, type EncoderConfig } from "./encoder.ts";
import { createFusion, type FusionBlock, type FusionName } from "./fusion.ts";
import type { Head } from "./head.ts";
import { createHead, type Task } from "./task.ts";

/** Where the two streams are fused: after stem and every stage, after every stage, or once after the second stage. */
export type Fusion = "full" | "deep" | "mid";

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
  /** What fuses them, cross translation by default. */
  fusionBlock?: FusionName;
  /** Batch norm after the mixing convolution of each fusion. */
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
  /** The fused maps at the same places: what another network may be made like. */
  fused: Tensor[];
  /** Per fusion level: both modalities as the shared translators see them; empty where none translate. */
  translated: Translated[];
}

/** How the streams run that are not left as they are. */
export interface Gates {
  /** Factors of stream A's maps (or scores, where these are averaged) before each fusion, [N,1,1,1] or a number. */
  available?: Tensor | number;
  /** The same for the second stream's; the stream itself runs on its own maps. */
  second?: Tensor | number;
  /** The pass of the second stream: that of inference where it is frozen. */
  secondPass?: Pass;
  /** Whether the hallucination head is left out: nothing of it is needed where F alone predicts. */
  fusedOnly?: boolean;
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
  /** What fuses the streams at each level, whatever its kind. */
  readonly ctn: FusionBlock[];
  readonly headF: Head;
  readonly headH: Head | null;
  readonly #levels: readonly number[];
  readonly #deepest: number;
  /** Whether the streams meet in their scores only. */
  readonly #late: boolean;
  readonly #hallucination: boolean;

  constructor(init: Init, config: OneStageConfig) {
    super();
    const { encoder, classes, task = "classify", fusionBlock = "ctn", hallucination, normalise } = config;
    this.#late = fusionBlock === "logits";
    this.#hallucination = hallucination;
    this.#levels = this.#late ? [] : fusionLevels(config);
    this.#deepest = this.#levels.at(-1) ?? 0;
    const head = hallucination || this.#late;
    // Behind the last fusion only a head of its own still needs the second stream.
    const used = head ? encoder.widths.length : this.#deepest;
    const second = { ...encoder, widths: encoder.widths.slice(0, used), blocks: encoder.blocks.slice(0, used) };
    this.a = new Encoder(init.at("a"), config.available, encoder);
    this.h = new Encoder(init.at("h"), config.second, second);
    const width = (level: number) => (level === 0 ? encoder.stem : encoder.widths[level - 1]!);
    this.ctn = this.#levels.map((level) => createFusion(fusionBlock, init.at("ctn", level), width(level), normalise));
    this.headF = createHead(task, init.at("headF"), encoder, classes);
    this.headH = head ? createHead(task, init.at("headH"), encoder, classes) : null;
  }

  /** x: [N,H,W,available]; second: x itself for hallucination, or the other modality. */
  forward(x: Tensor, second: Tensor, pass: Pass, gates: Gates = {}): OneStageOutput {
    const { secondPass = pass } = gates;
    const headH = gates.fusedOnly && !this.#late ? null : this.headH;
    const translated: Translated[] = [];
    const fuse = (level: number, a: Tensor, h: Tensor) => {
      const block = this.ctn[this.#levels.indexOf(level)];
      if (!block) return a;
      const result = block.forward(gated(a, gates.available), gated(h, gates.second), pass);
      if (result.translated) translated.push(result.translated);
      return result.fused;
    };
    let a = this.a.stem(x, pass);
    let h = this.h.stem(second, secondPass);
    a = this.a.pool(fuse(0, a, h));
    h = this.h.pool(h);
    const fused: Tensor[] = [];
    const restored: Tensor[] = [];
    const last = headH ? this.h.stages : this.#deepest;
    for (let stage = 1; stage <= this.a.stages; stage++) {
      a = this.a.stage(stage, a, pass);
      if (stage <= last) {
        h = this.h.stage(stage, h, secondPass);
        restored.push(h);
      }
      a = fuse(stage, a, h);
      fused.push(a);
    }
    const own = this.headF.forward(fused, x, pass);
    const other = headH?.forward(restored, second, secondPass) ?? null;
    return {
      scores: this.#late ? own.scores.map((scale, i) => joined(scale, other!.scores[i]!, gates)) : own.scores,
      hallucinated: this.#hallucination && !gates.fusedOnly ? other!.scores : null,
      features: other?.features ?? restored.slice(-1),
      fused: own.features,
      translated,
    };
  }
}

function joined(a: Tensor, h: Tensor, { available, second }: Gates): Tensor {
  return average(gated(a, available), gated(h, second));
}

function gated(map: Tensor, gate: Tensor | number = 1): Tensor {
  if (gate === 1) return map;
  if (typeof gate === "number") return affine(map, gate);
  return weighted(map, map.shape.length === 4 ? gate : reshape(gate, [map.shape[0]!, 1]));
}

function fusionLevels({ fusion, encoder }: OneStageConfig): number[] {
  const stages = encoder.widths.map((_, stage) => stage + 1);
  if (fusion === "full") return [0, ...stages];
  if (fusion === "deep") return stages;
  if (fusion === "mid") return [2];
  throw new UsageError(`--fusion: expected full, deep or mid, got ${fusion}`);
}
