import { add } from "../kernels/binary.ts";
import { BatchNorm, Conv2d } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { beside, SqueezeExcitation } from "./blocks.ts";
import { CrossTranslation, type Fused, type TranslationOptions } from "./ctn.ts";

/** Fuses the maps of two or more streams at one level. */
export type FusionBlock = Module & {
  /** a: the available modality's map [N,H,W,C], others: the restored ones'. */
  forward(a: Tensor, others: readonly Tensor[], pass: Pass): Fused;
};

/** What a fusion block is made for. */
interface FusionOptions {
  /** Batch norm behind a convolution that mixes. */
  normalise: boolean;
  /** Number of maps that are fused. */
  streams: number;
}

/** A block that translates between the modalities, in some way. */
function translation(how: Pick<TranslationOptions, "shared" | "wide">) {
  return (init: Init, channels: number, options: FusionOptions) =>
    new CrossTranslation(init, channels, { ...options, ...how });
}

/** How maps are fused: the keys of this list, or `logits` for no fusion but the mean of the streams' scores. */
const blocks = {
  ctn: translation({}),
  "ctn-unshared": translation({ shared: false }),
  "ctn-conv": translation({ wide: true }),
  add: () => new Sum(),
  "se-add": (init: Init, channels: number, { streams }: FusionOptions) => new WeighedSum(init, channels, streams),
  concat: (init: Init, channels: number, options: FusionOptions) => new Concatenation(init, channels, options),
};

/** What fuses the streams. */
export type FusionName = keyof typeof blocks | "logits";

/** Every way to fuse streams, the default first. */
export const fusionNames = [...Object.keys(blocks), "logits"] as FusionName[];

/**
 * A fresh block that fuses maps of so many channels; `normalise` is for those that mix by a convolution.
 * @throws UsageError if no block has that name.
 */
export function createFusion(name: FusionName, init: Init, channels: number, options: FusionOptions): FusionBlock {
  const create = blocks[name as keyof typeof blocks];
  if (!create) throw new UsageError(`fusion block: expected one of ${Object.keys(blocks).join(", ")}, got ${name}`);
  return create(init, channels, options);
}

/** a + h, and more of them. Source: Seichter et al. 2021 (ESANet), fusion "add". */
class Sum extends Module {
  forward(a: Tensor, others: readonly Tensor[]): Fused {
    return { fused: others.reduce(add, a), translated: null };
  }
}

/** The maps with their channels weighed, added. Source: Seichter et al. 2021 (ESANet), fig. 2, RGB-D fusion. */
class WeighedSum extends Module {
  readonly available: SqueezeExcitation;
  readonly restored: SqueezeExcitation;
  /** Those of the restored modalities behind the first. */
  readonly more: SqueezeExcitation[];

  constructor(init: Init, channels: number, streams: number) {
    super();
    const weigh = (at: Init) => new SqueezeExcitation(at, channels);
    this.available = weigh(init.at("available"));
    this.restored = weigh(init.at("restored"));
    this.more = Array.from({ length: streams - 2 }, (_, i) => weigh(init.at("more", i)));
  }

  forward(a: Tensor, others: readonly Tensor[]): Fused {
    const weighed = [this.restored, ...this.more].map((se, i) => se.forward(others[i]!));
    return { fused: weighed.reduce(add, this.available.forward(a)), translated: null };
  }
}

/** The maps beside each other, mixed by a 1×1 convolution with ReLU, with batch norm between them where wanted. */
class Concatenation extends Module {
  readonly mix: Conv2d;
  readonly bn: BatchNorm | null;

  constructor(init: Init, channels: number, { normalise, streams }: FusionOptions) {
    super();
    const mixing = normalise ? { bias: false } : ({ bias: true, activation: "relu" } as const);
    this.mix = new Conv2d(init.at("mix"), streams * channels, channels, { kernel: 1, ...mixing });
    this.bn = normalise ? new BatchNorm(init, channels) : null;
  }

  forward(a: Tensor, others: readonly Tensor[], pass: Pass): Fused {
    const mixed = this.mix.forward(beside([a, ...others]));
    return { fused: this.bn?.forward(mixed, pass, { activation: "relu" }) ?? mixed, translated: null };
  }
}
