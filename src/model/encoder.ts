import { mul } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { globalAvgPool, maxPool2d } from "../kernels/pool.ts";
import { reshape } from "../kernels/shape.ts";
import { relu, sigmoid } from "../kernels/unary.ts";
import { BatchNorm, Conv2d, Linear } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import { recompute } from "../nn/recompute.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The sizes of an encoder: a 3×3 stem of stride 2, a max-pool, then stages of residual blocks. */
export interface EncoderConfig {
  stem: number;
  /** Max-pool window after the stem; stride 2. */
  pool: number;
  /** Channels of each stage; every stage but the first halves the image. */
  widths: readonly number[];
  /** Residual blocks in each stage. */
  blocks: readonly number[];
  /** Stage (counted from 1) after which a squeeze-and-excitation block stands; 0 for none. */
  squeeze: number;
  dropout: number;
  /** Whether blocks compute their inner maps again in the backward pass instead of keeping them. */
  recompute?: boolean;
  /** Whether maps are kept as f16, from the stem on. */
  half?: boolean;
}

/** The model sizes by name: `tiny` trains on a CPU adapter; `resnet18` as in method.md a.6. */
export const encoders = {
  tiny: { stem: 16, pool: 2, widths: [24, 48, 96], blocks: [1, 1, 1], squeeze: 0, dropout: 0.2 },
  resnet18: { stem: 64, pool: 3, widths: [64, 128, 256, 512], blocks: [2, 2, 2, 2], squeeze: 2, dropout: 0 },
} as const satisfies Record<string, EncoderConfig>;

/** A model size. */
export type ModelName = keyof typeof encoders;

/** The configuration of a model size. @throws UsageError if there is no such model. */
export function encoderConfig(model: string): EncoderConfig {
  const config = (encoders as Record<string, EncoderConfig>)[model];
  if (!config) throw new UsageError(`--model: expected one of ${Object.keys(encoders).join(", ")}, got ${model}`);
  return config;
}

/** Two 3×3 convolutions with batch norm and a shortcut. Source: He et al. 2016, fig. 2. */
export class BasicBlock extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly downsample: [Conv2d, BatchNorm] | null;

  constructor(init: Init, inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = new Conv2d(init.at("conv1"), inputs, outputs, { kernel: 3, stride });
    this.bn1 = new BatchNorm(init, outputs);
    this.conv2 = new Conv2d(init.at("conv2"), outputs, outputs, { kernel: 3 });
    this.bn2 = new BatchNorm(init, outputs);
    const projected = stride !== 1 || inputs !== outputs;
    this.downsample = projected
      ? [new Conv2d(init.at("downsample"), inputs, outputs, { kernel: 1, stride }), new BatchNorm(init, outputs)]
      : null;
  }

  forward(x: Tensor, pass: Pass): Tensor {
    const hidden = this.bn1.forward(this.conv1.forward(x), pass, { activation: "relu" });
    const residual = this.downsample ? this.downsample[1].forward(this.downsample[0].forward(x), pass) : x;
    return this.bn2.forward(this.conv2.forward(hidden), pass, { residual, activation: "relu" });
  }
}

/** Weighs channels by a small network on their means. Source: Hu et al. 2018, reduction 16. */
export class SqueezeExcitation extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;

  constructor(init: Init, channels: number, reduction = 16) {
    super();
    const hidden = Math.max(1, Math.floor(channels / reduction));
    this.fc1 = new Linear(init.at("fc1"), channels, hidden);
    this.fc2 = new Linear(init.at("fc2"), hidden, channels);
  }

  forward(x: Tensor): Tensor {
    const [n, , , c] = x.shape as [number, number, number, number];
    const weights = sigmoid(this.fc2.forward(relu(this.fc1.forward(globalAvgPool(x)))));
    const weighted = mul(cast(x, "f32"), reshape(weights, [n, 1, 1, c]));
    return cast(weighted, x.dtype === "f16" ? "f16" : "f32");
  }
}

/** A residual encoder with its parts apart, so that features can be fused between the stages. */
export class Encoder extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly layer1: BasicBlock[];
  readonly layer2: BasicBlock[];
  readonly layer3: BasicBlock[];
  readonly layer4: BasicBlock[];
  readonly se: SqueezeExcitation | null;
  readonly #config: EncoderConfig;

  constructor(init: Init, inputs: number, config: EncoderConfig) {
    super();
    this.#config = config;
    this.conv1 = new Conv2d(init.at("conv1"), inputs, config.stem, { kernel: 3, stride: 2 });
    this.bn1 = new BatchNorm(init, config.stem);
    const stage = (l: number) =>
      Array.from({ length: config.blocks[l] ?? 0 }, (_, b) => {
        const before = b > 0 ? config.widths[l]! : l > 0 ? config.widths[l - 1]! : config.stem;
        return new BasicBlock(init.at(`layer${l + 1}`, b), before, config.widths[l]!, l > 0 && b === 0 ? 2 : 1);
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
      y = this.#config.recompute ? recompute(y, pass, (x, again) => block.forward(x, again)) : block.forward(y, pass);
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
