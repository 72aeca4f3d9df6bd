import { average } from "../kernels/binary.ts";
import { BatchNorm, Conv2d } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The two modalities as the translators see them, [N,H,W,C] each. */
export interface Translated {
  /** J2: the available modality, translated. */
  available: Tensor;
  /** J3: the restored modality, translated. */
  restored: Tensor;
}

/** What a fusion of two maps [N,H,W,C] gives. */
export interface Fused {
  /** The fused map, [N,H,W,C]. */
  fused: Tensor;
  /** Both modalities, translated; null where nothing is. */
  translated: Translated | null;
}

/** How a cross translation is made. */
export interface TranslationOptions {
  /** Batch norm after the mixing convolution. */
  normalise: boolean;
  /** Whether both modalities go through the same translators (the default), or each through its own. */
  shared?: boolean;
}

/**
 * Cross translation network at one level: translators T1, T2 (1×1 convolutions C → C/2 with ReLU), shared by both
 * modalities, whose outputs are averaged and mixed by another 1×1 convolution.
 *
 * T1 and T2 are one convolution C → C here, [T1 | T2] side by side: with J2 = [T1(a), T2(a)] and J3 = [T1(h), T2(h)],
 * the fused code [(T1(a)+T1(h))/2, (T2(h)+T2(a))/2] is their mean, and nothing needs to be concatenated.
 *
 * The fused map is ReLU(BN(conv1x1(J1))). Batch norm after the mixing convolution is ours: without it the fused network trains worse than a single stream.
 * Source: arXiv 2309.08204 (CTN); structure as in method.md a.3.
 */
export class CrossTranslation extends Module {
  readonly translate: Conv2d;
  readonly mix: Conv2d;
  readonly bn: BatchNorm | null;
  /** The restored modality's translators, where it has its own. */
  readonly translateRestored: Conv2d | null;

  constructor(init: Init, channels: number, { normalise, shared = true }: TranslationOptions) {
    super();
    const translators = { kernel: 1, bias: true, activation: "relu" } as const;
    this.translate = new Conv2d(init.at("translate"), channels, channels, translators);
    const mixing = normalise ? { bias: false } : ({ bias: true, activation: "relu" } as const);
    this.mix = new Conv2d(init.at("mix"), channels, channels, { kernel: 1, ...mixing });
    this.bn = normalise ? new BatchNorm(init, channels) : null;
    const restored = init.at("translateRestored");
    this.translateRestored = shared ? null : new Conv2d(restored, channels, channels, translators);
  }

  /** a: the available modality's map, h: the restored one's. */
  forward(a: Tensor, h: Tensor, pass: Pass): Fused {
    const available = this.translate.forward(a);
    const restored = (this.translateRestored ?? this.translate).forward(h);
    const mixed = this.mix.forward(average(available, restored));
    const fused = this.bn ? this.bn.forward(mixed, pass, { activation: "relu" }) : mixed;
    return { fused, translated: { available, restored } };
  }
}
