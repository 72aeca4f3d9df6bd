import { cast } from "../kernels/cast.ts";
import { maxPool2d } from "../kernels/pool.ts";
import { BatchNorm, Conv2d } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { recompute } from "../nn/recompute.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { BasicBlock, type Block, Bottleneck, NonBottleneck1D, SqueezeExcitation } from "./blocks.ts";

/** The sizes of a segmentation decoder. */
export interface DecoderConfig {
  /** Channels that the context module gives. */
  context: number;
  /** Channels of its steps, coarsest first: one for each stage of the encoder but the first. */
  widths: readonly number[];
  /** Factorised residual blocks in each step. */
  blocks: number;
  /** Learned upsamplings of the finest class scores, from a quarter of the image's extents: 2 reach the image, 1 half of it. */
  doublings: 1 | 2;
}

/** The sizes of a residual encoder: a stem of stride 2, a max-pool, then stages of residual blocks. */
export interface EncoderConfig {
  stem: number;
  /** Kernel of the stem's convolution, 3 by default. */
  kernel?: number;
  /** Max-pool window after the stem; stride 2. */
  pool: number;
  /** What the stages are made of: `basic` by default. */
  block?: keyof typeof blockTypes;
  /** Channels of each stage; every stage but the first halves the image. */
  widths: readonly number[];
  /** Residual blocks in each stage. */
  blocks: readonly number[];
  /** Stage (counted from 1) after which a squeeze-and-excitation block stands: none without it. */
  squeeze?: number;
  /** Share of the pooled features that is dropped in front of a classifier: none without it. */
  dropout?: number;
  /** The decoder that goes with it where pixels are classified. */
  decoder: DecoderConfig;
  /** Bins along each axis over which the decoder's context module takes means, for each of its levels: 1 and 5 by default. */
  bins?: readonly number[];
  /** Whether blocks compute their inner maps again in the backward pass instead of keeping them. */
  recompute?: boolean;
  /** Whether maps are kept as f16, from the stem on. */
  half?: boolean;
}

const blockTypes = { basic: BasicBlock, bottleneck: Bottleneck, "nonbottleneck-1d": NonBottleneck1D };

const resnet = {
  ...{ stem: 64, kernel: 7, pool: 3, widths: [64, 128, 256, 512] },
  decoder: { context: 512, widths: [512, 256, 128], blocks: 3, doublings: 2 },
} as const;
const resnet34 = { ...resnet, blocks: [3, 4, 6, 3] } as const;
const compact = (times: number): EncoderConfig => ({
  ...{ stem: 16 * times, pool: 2, widths: [24 * times, 48 * times, 96 * times], blocks: [1, 1, 1], dropout: 0.2 },
  decoder: { context: 64 * times, widths: [64 * times, 32 * times], blocks: 1, doublings: 1 },
});

/**
 * The model sizes by name: `tiny` trains on a CPU adapter; `small` is twice as wide; `resnet18-se` has a 3×3 stem and a
 * squeeze-and-excitation block after its second stage; the others are torchvision's ResNets, by its names, and ESANet's with
 * factorised blocks.
 * Source: method.md a.6 (resnet18-se); He et al. 2016, table 1; Seichter et al. 2021 (resnet34-nbt1d).
 */
export const encoders = {
  tiny: compact(1),
  small: compact(2),
  "resnet18-se": { ...resnet, kernel: 3, blocks: [2, 2, 2, 2], squeeze: 2 },
  resnet18: { ...resnet, blocks: [2, 2, 2, 2] },
  resnet34,
  resnet50: { ...resnet34, block: "bottleneck", widths: [256, 512, 1024, 2048] },
  "resnet34-nbt1d": { ...resnet34, block: "nonbottleneck-1d" },
} as const satisfies Record<string, EncoderConfig>;

/** A model size. */
export type ModelName = keyof typeof encoders;

/** The configuration of a model size. @throws UsageError if there is no such model. */
export function encoderConfig(model: string): EncoderConfig {
  const config = (encoders as Record<string, EncoderConfig>)[model];
  if (!config) throw new UsageError(`--model: expected one of ${Object.keys(encoders).join(", ")}, got ${model}`);
  return config;
}

/** A residual encoder with its parts apart, so that features can be fused between the stages. */
export class Encoder extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly layer1: Block[];
  readonly layer2: Block[];
  readonly layer3: Block[];
  readonly layer4: Block[];
  readonly se: SqueezeExcitation | null;
  readonly #config: EncoderConfig;

  constructor(init: Init, inputs: number, config: EncoderConfig) {
    super();
    this.#config = config;
    this.conv1 = new Conv2d(init.at("conv1"), inputs, config.stem, { kernel: config.kernel ?? 3, stride: 2 });
    this.bn1 = new BatchNorm(init, config.stem);
    const ResidualBlock = blockTypes[config.block ?? "basic"];
    const stage = (l: number) =>
      Array.from({ length: config.blocks[l] ?? 0 }, (_, b) => {
        const before = b > 0 ? config.widths[l]! : l > 0 ? config.widths[l - 1]! : config.stem;
        return new ResidualBlock(init.at(`layer${l + 1}`, b), before, config.widths[l]!, l > 0 && b === 0 ? 2 : 1);
      });
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.layer4 = stage(3);
    this.se = config.squeeze ? new SqueezeExcitation(init.at("se"), config.widths[config.squeeze - 1]!) : null;
  }

  /** Number of stages behind the stem. */
  get stages(): number {
    return this.#config.widths.length;
  }

  /** [N,H,W,inputs] → [N,H/2,W/2,stem], before the max-pool. */
  stem(x: Tensor, pass: Pass): Tensor {
    const stored = this.#config.half ? cast(x, "f16") : x;
    return this.bn1.forward(this.conv1.forward(stored), pass, { activation: "relu" });
  }

  /** The max-pool between stem and first stage. */
  pool(x: Tensor): Tensor {
    const kernel = this.#config.pool;
    return maxPool2d(x, { kernel, stride: 2, padding: (kernel - 1) >> 1 });
  }

  /** Runs stage 1..stages. */
  stage(number: number, x: Tensor, pass: Pass): Tensor {
    const blocks = [this.layer1, this.layer2, this.layer3, this.layer4][number - 1]!;
    let y = x;
    for (const block of blocks) {
      y = this.#config.recompute ? recompute(block, y, pass) : block.forward(y, pass);
    }
    return this.se && this.#config.squeeze === number ? this.se.forward(y) : y;
  }

  /** Runs everything: the map of each stage, first stage first. */
  forward(x: Tensor, pass: Pass): Tensor[] {
    const maps: Tensor[] = [];
    let y = this.pool(this.stem(x, pass));
    for (let stage = 1; stage <= this.stages; stage++) {
      y = this.stage(stage, y, pass);
      maps.push(y);
    }
    return maps;
  }
}
