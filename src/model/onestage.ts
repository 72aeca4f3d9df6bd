import { reshape } from "../kernels/shape.ts";
import { affine } from "../kernels/unary.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { meanOf, weighted } from "./blocks.ts";
import type { Translated } from "./ctn.ts";
import { Encoder, type EncoderConfig } from "./encoder.ts";
import { createFusion, type FusionBlock, type FusionName } from "./fusion.ts";
import type { Head, HeadOutput, Maps } from "./head.ts";
import { createHead, type Task } from "./task.ts";

/** Where the two streams are fused: after stem and every stage, after every stage, or once after the second stage. */
export type Fusion = "full" | "deep" | "mid";

/** Settings of a network of two or more streams. */
export interface OneStageConfig {
  /** Classify unless given. */
  task?: Task;
  encoder: EncoderConfig;
  classes: number;
  /** Channels of the modality that is there at test time: 3 for colour, 1 for depth. */
  available: number;
  /** Channels of what each other stream sees: the same for hallucination, the other modality's for the upper bound. */
  others: readonly number[];
  fusion: Fusion;
  /** What fuses them, cross translation by default. */
  fusionBlock?: FusionName;
  /** Batch norm after the mixing convolution of each fusion. */
  normalise: boolean;
  /** Whether the other streams have their own heads: yes for hallucination, no for the upper bound. */
  hallucination: boolean;
}

/** What a stream that stands for a missing modality gives. */
export interface RestoredOutput extends Maps {
  /** Class scores of its own head, as those of F; null without one. */
  scores: Tensor[] | null;
}

/** What the network gives. */
export interface OneStageOutput {
  /** Class scores of the fused head F: [N,classes] for images; for pixels one [N,H,W,classes] a scale, finest first. */
  scores: Tensor[];
  /** What the other streams give, in their order. */
  restored: RestoredOutput[];
  /** The fused maps: what another network may be made like. */
  fused: Maps;
  /** Per fusion level: the modalities as the shared translators see them; empty where none translate. */
  translated: Translated[];
}

/** What is let through of the streams. */
export interface Gates {
  /** Factors of stream A's maps (or scores, where these are averaged) before each fusion, [N,1,1,1] or a number. */
  available?: Tensor | number;
  /** The same for each other stream's; the streams themselves run on their own maps. */
  others?: readonly (Tensor | number)[];
}

/** How the streams run where that is not as they are. */
export interface RunOptions extends Gates {
  /** The pass of the other streams: that of inference where they are frozen. */
  othersPass?: Pass;
  /** Whether the hallucination heads, and what only they need, are left out: nothing of them is needed where F alone learns. */
  fusedOnly?: boolean;
}

/** A stream that stands for a missing modality, behind the first of its kind. */
class RestoredStream extends Module {
  readonly encoder: Encoder;
  readonly head: Head | null;

  constructor(encoder: Encoder, head: Head | null) {
    super();
    this.encoder = encoder;
    this.head = head;
  }
}

/**
 * The one-stage network without its privileged part: stream A on the available modality, hallucination stream H that
 * sees the same input and learns to give what the missing modality's network would, a cross translation after the
 * fused stages, and the fused head F. Information flows from H to A only, so H can be aligned with P cleanly, and no
 * gradient is stopped between them. With the missing modality itself as second input it is the upper bound. Of three
 * modalities two are missing: each has a stream of its own.
 * Source: arXiv 2309.08204; method.md a.2 (feed-back) and a.6 (classification, three modalities).
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
  /** The streams of missing modalities behind the first. */
  readonly more: RestoredStream[];
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
    const [first, ...further] = config.others as [number, ...number[]];
    const streams = 1 + config.others.length;
    this.a = new Encoder(init.at("a"), config.available, encoder);
    this.h = new Encoder(init.at("h"), first, second);
    const width = (level: number) => (level === 0 ? encoder.stem : encoder.widths[level - 1]!);
    this.ctn = this.#levels.map((level) =>
      createFusion(fusionBlock, init.at("ctn", level), width(level), { normalise, streams }),
    );
    this.headF = createHead(task, init.at("headF"), encoder, classes);
    const headAt = (at: Init) => (head ? createHead(task, at, encoder, classes) : null);
    this.headH = headAt(init.at("headH"));
    this.more = further.map((channels, i) => {
      const at = init.at("more", i);
      return new RestoredStream(new Encoder(at.at("encoder"), channels, second), headAt(at.at("head")));
    });
  }

  /** The streams of the missing modalities, in their order: H, and those behind it. */
  get restoring(): { readonly encoder: Encoder; readonly head: Head | null }[] {
    return [{ encoder: this.h, head: this.headH }, ...this.more];
  }

  /** x: [N,H,W,available]; others: for each other stream x itself for hallucination, or a modality of its own. */
  forward(x: Tensor, others: readonly Tensor[], pass: Pass, options: RunOptions = {}): OneStageOutput {
    const { othersPass = pass, fusedOnly = false, ...gates } = options;
    const translated: Translated[] = [];
    const fuse = (level: number, a: Tensor, maps: readonly Tensor[]) => {
      const block = this.ctn[this.#levels.indexOf(level)];
      if (!block) return a;
      const open = maps.map((map, k) => gated(map, gates.others?.[k]));
      const result = block.forward(gated(a, gates.available), open, pass);
      if (result.translated) translated.push(result.translated);
      return result.fused;
    };
    const streams = this.restoring.map(({ encoder, head }) => ({
      encoder,
      head: fusedOnly && !this.#late ? null : head,
      maps: [] as Tensor[],
    }));
    let a = this.a.stem(x, pass);
    let hs = streams.map(({ encoder }, k) => encoder.stem(others[k]!, othersPass));
    a = this.a.pool(fuse(0, a, hs));
    hs = streams.map(({ encoder }, k) => encoder.pool(hs[k]!));
    const fused: Tensor[] = [];
    for (let stage = 1; stage <= this.a.stages; stage++) {
      a = this.a.stage(stage, a, pass);
      for (const [k, { encoder, head, maps }] of streams.entries()) {
        if (stage > (head ? encoder.stages : this.#deepest)) continue;
        hs[k] = encoder.stage(stage, hs[k]!, othersPass);
        maps.push(hs[k]!);
      }
      a = fuse(stage, a, hs);
      fused.push(a);
    }
    const own = this.headF.forward(fused, x, pass);
    const heads = streams.map(({ head, maps }, k) => head?.forward(maps, others[k]!, othersPass) ?? null);
    const named = this.#hallucination && !fusedOnly;
    return {
      scores: this.#late ? own.scores.map((scale, i) => joined(scale, heads, i, gates)) : own.scores,
      restored: streams.map(({ maps }, k) => ({
        scores: named ? (heads[k]?.scores ?? null) : null,
        features: heads[k]?.features ?? maps.slice(-1),
        maps,
      })),
      fused: { features: own.features, maps: fused },
      translated,
    };
  }
}

/** The mean of all heads' scores at one scale. */
function joined(a: Tensor, heads: readonly (HeadOutput | null)[], scale: number, { available, others }: Gates): Tensor {
  return meanOf([gated(a, available), ...heads.map((head, k) => gated(head!.scores[scale]!, others?.[k]))]);
}

/** A map [N,H,W,C] or scores [N,classes], times a factor for each image or for all. */
export function gated(map: Tensor, gate: Tensor | number = 1): Tensor {
  if (gate === 1) return map;
  if (typeof gate === "number") return affine(map, gate);
  return weighted(map, map.shape.length === 4 ? gate : reshape(gate, [map.shape[0]!, 1]));
}

function fusionLevels({ fusion, encoder }: OneStageConfig): number[] {
  const stages = encoder.widths.map((_, stage) => stage + 1);
  const levels = { full: [0, ...stages], deep: stages, mid: [2] }[fusion];
  if (!levels) throw new UsageError(`--fusion: expected full, deep or mid, got ${fusion}`);
  return levels;
}
