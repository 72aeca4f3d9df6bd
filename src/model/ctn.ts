import { BatchNorm, Conv2d } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ConvNorm, meanOf } from "./blocks.ts";

/**
 * The modalities as the translators see them, [N,H,W,C'] each: C' is C, or more where C cannot be shared out evenly among the
 * translators, or these are wide.
 */
export interface Translated {
  /** J2: the available modality, translated. */
  available: Tensor;
  /** J3: the restored modalities, translated. */
  restored: Tensor[];
}

/** What a fusion of the streams' maps [N,H,W,C] gives. */
export interface Fused {
  /** The fused map, [N,H,W,C]. */
  fused: Tensor;
  /** The modalities, translated; null where nothing is. */
  translated: Translated | null;
}

/** How a cross translation is made. */
export interface TranslationOptions {
  /** Batch norm after the mixing convolution. */
  normalise: boolean;
  /** Whether all modalities go through the same translators (the default), or each through its own. */
  shared?: boolean;
  /** Whether translators are 3×3 convolutions C → 2C with batch norm, and another 1×1 → 2C begins the mixing. */
  wide?: boolean;
  /** Number of modalities, and of translators: 2 unless given. */
  streams?: number;
}

/**
 * Cross translation network at one level: translators T1, T2 (1×1 convolutions C → C/2 with ReLU), shared by both
 * modalities, whose outputs are averaged and mixed by another 1×1 convolution. Of M modalities, M translators
 * C → ⌈C/M⌉: the fused code is concat over k of the mean over m of T_k(m).
 *
 * T1 and T2 are one convolution C → C here, [T1 | T2] side by side: with J2 = [T1(a), T2(a)] and J3 = [T1(h), T2(h)],
 * the fused code [(T1(a)+T1(h))/2, (T2(h)+T2(a))/2] is their mean, and nothing needs to be concatenated; likewise for more.
 *
 * The fused map is ReLU(BN(conv1x1(J1))). Batch norm after the mixing convolution is ours: without it the fused network trains worse than a single stream.
 * Source: arXiv 2309.08204 (CTN); structure as in method.md a.3, and a.6 for three modalities and for `wide`: earlier work of
 * the method's authors, but for its stride of 2, since the fused map goes on where the available one was.
 */
export class CrossTranslation extends Module {
  readonly translate: Conv2d | ConvNorm;
  /** What comes before `mix` where translators are wide. */
  readonly reduce: ConvNorm | null;
  readonly mix: Conv2d;
  readonly bn: BatchNorm | null;
  /** The first restored modality's translators, where it has its own. */
  readonly translateRestored: Conv2d | ConvNorm | null;
  /** Those of the other restored ones. */
  readonly translateMore: (Conv2d | ConvNorm)[];

  constructor(
    init: Init,
    channels: number,
    { normalise, shared = true, wide = false, streams = 2 }: TranslationOptions,
  ) {
    super();
    const code = streams * (wide ? 2 * channels : Math.ceil(channels / streams));
    const translators = (at: Init) =>
      wide
        ? new ConvNorm(at, channels, code, { kernel: 3 })
        : new Conv2d(at, channels, code, { kernel: 1, bias: true, activation: "relu" });
    this.translate = translators(init.at("translate"));
    this.reduce = wide ? new ConvNorm(init.at("reduce"), code, 2 * channels, { kernel: 1 }) : null;
    const mixing = normalise ? { bias: false } : ({ bias: true, activation: "relu" } as const);
    this.mix = new Conv2d(init.at("mix"), wide ? 2 * channels : code, channels, { kernel: 1, ...mixing });
    this.bn = normalise ? new BatchNorm(init, channels) : null;
    this.translateRestored = shared ? null : translators(init.at("translateRestored"));
    const more = shared ? 0 : streams - 2;
    this.translateMore = Array.from({ length: more }, (_, i) => translators(init.at("translateMore", i)));
  }

  /** a: the available modality's map, others: the restored ones'. */
  forward(a: Tensor, others: readonly Tensor[], pass: Pass): Fused {
    const available = this.translate.forward(a, pass);
    const own = [this.translateRestored, ...this.translateMore];
    const restored = others.map((map, i) => (own[i] ?? this.translate).forward(map, pass));
    const code = meanOf([available, ...restored]);
    const mixed = this.mix.forward(this.reduce?.forward(code, pass) ?? code);
    const fused = this.bn ? this.bn.forward(mixed, pass, { activation: "relu" }) : mixed;
    return { fused, translated: { available, restored } };
  }
}
