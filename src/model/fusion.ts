import { add } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { concat } from "../kernels/shape.ts";
import { BatchNorm, Conv2d } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { SqueezeExcitation } from "./blocks.ts";
import { CrossTranslation, type Fused } from "./ctn.ts";

/** Fuses the maps of two streams at one level. */
export type FusionBlock = Module & {
  /** a: the available modality's map [N,H,W,C], h: the restored one's. */
  forward(a: Tensor, h: Tensor, pass: Pass): Fused;
};

/** How two maps are fused: the keys of this list, or `logits` for no fusion but the mean of both streams' scores. */
const blocks = {
  ctn: (init: Init, channels: number, normalise: boolean) => new CrossTranslation(init, channels, { normalise }),
  "ctn-unshared": (init: Init, channels: number, normalise: boolean) =>
    new CrossTranslation(init, channels, { normalise, shared: false }),
  add: () => new Sum(),
  "se-add": (init: Init, channels: number) => new WeighedSum(init, channels),
  concat: (init: Init, channels: number, normalise: boolean) => new Concatenation(init, channels, normalise),
};

/** What fuses two streams. */
export type FusionName = keyof typeof blocks | "logits";

/** Every way to fuse two streams, the default first. */
export const fusionNames = [...Object.keys(blocks), "logits"] as FusionName[];

/**
 * A fresh block that fuses two maps of so many channels; `normalise` is for those that mix by a convolution.
 * @throws UsageError if no block has that name.
 */
export function createFusion(name: FusionName, init: Init, channels: number, normalise: boolean): FusionBlock {
  const create = name === "logits" ? undefined : blocks[name];
  if (!create) throw new UsageError(`fusion block: expected one of ${Object.keys(blocks).join(", ")}, got ${name}`);
  return create(init, channels, normalise);
}

/** a + h. Source: Seichter et al. 2021 (ESANet), fusion "add". */
class Sum extends Module {
  forward(a: Tensor, h: Tensor): Fused {
    return { fused: add(a, h), translated: null };
  }
}

/** Both maps with their channels weighed, added. Source: Seichter et al. 2021 (ESANet), fig. 2, RGB-D fusion. */
class WeighedSum extends Module {
  readonly available: SqueezeExcitation;
  readonly restored: SqueezeExcitation;

  constructor(init: Init, channels: number) {
    super();
    this.available = new SqueezeExcitation(init.at("available"), channels);
    this.restored = new SqueezeExcitation(init.at("restored"), channels);
  }

  forward(a: Tensor, h: Tensor): Fused {
    return { fused: add(this.available.forward(a), this.restored.forward(h)), translated: null };
  }
}

/** Both maps beside each other, mixed by a 1×1 convolution with ReLU, with batch norm between them where wanted. */
class Concatenation extends Module {
  readonly mix: Conv2d;
  readonly bn: BatchNorm | null;

  constructor(init: Init, channels: number, normalise: boolean) {
    super();
    const mixing = normalise ? { bias: false } : ({ bias: true, activation: "relu" } as const);
    this.mix = new Conv2d(init.at("mix"), 2 * channels, channels, { kernel: 1, ...mixing });
    this.bn = normalise ? new BatchNorm(init, channels) : null;
  }

  forward(a: Tensor, h: Tensor, pass: Pass): Fused {
    const both = concat([cast(a, "f32"), cast(h, "f32")], 3);
    const mixed = this.mix.forward(cast(both, a.dtype === "f16" ? "f16" : "f32"));
    return { fused: this.bn?.forward(mixed, pass, { activation: "relu" }) ?? mixed, translated: null };
  }
}
