import { add, average, mul } from "../kernels/binary.ts";
import { cast, storedAs } from "../kernels/cast.ts";
import { globalAvgPool } from "../kernels/pool.ts";
import { concat, reshape } from "../kernels/shape.ts";
import { affine, relu, sigmoid } from "../kernels/unary.ts";
import { BatchNorm, Conv2d, type Conv2dOptions, Dropout, Linear } from "../nn/layers.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A part of a network from one map [N,H,W,C] to another. */
export abstract class Block extends Module {
  abstract forward(x: Tensor, pass: Pass): Tensor;
}

/** A convolution without bias, batch norm and ReLU. */
export class ConvNorm extends Block {
  readonly conv: Conv2d;
  readonly bn: BatchNorm;

  constructor(init: Init, inputs: number, outputs: number, options: Omit<Conv2dOptions, "bias" | "activation">) {
    super();
    this.conv = new Conv2d(init.at("conv"), inputs, outputs, options);
    this.bn = new BatchNorm(init, outputs);
  }

  forward(x: Tensor, pass: Pass): Tensor {
    return this.bn.forward(this.conv.forward(x), pass, { activation: "relu" });
  }
}

type Shortcut = [Conv2d, BatchNorm] | null;

/** The projection beside a residual block whose output has another shape than its input; null where it has the same. */
function shortcut(init: Init, inputs: number, outputs: number, stride: number): Shortcut {
  if (stride === 1 && inputs === outputs) return null;
  return [new Conv2d(init.at("downsample"), inputs, outputs, { kernel: 1, stride }), new BatchNorm(init, outputs)];
}

function projected(x: Tensor, downsample: Shortcut, pass: Pass): Tensor {
  return downsample ? downsample[1].forward(downsample[0].forward(x), pass) : x;
}

/** Two 3×3 convolutions with batch norm and a shortcut. Source: He et al. 2016, fig. 2. */
export class BasicBlock extends Block {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly downsample: Shortcut;

  constructor(init: Init, inputs: number, outputs: number, stride: number) {
    super();
    this.conv1 = new Conv2d(init.at("conv1"), inputs, outputs, { kernel: 3, stride });
    this.bn1 = new BatchNorm(init, outputs);
    this.conv2 = new Conv2d(init.at("conv2"), outputs, outputs, { kernel: 3 });
    this.bn2 = new BatchNorm(init, outputs);
    this.downsample = shortcut(init, inputs, outputs, stride);
  }

  forward(x: Tensor, pass: Pass): Tensor {
    const hidden = this.bn1.forward(this.conv1.forward(x), pass, { activation: "relu" });
    const residual = projected(x, this.downsample, pass);
    return this.bn2.forward(this.conv2.forward(hidden), pass, { residual, activation: "relu" });
  }
}

/**
 * A 3×3 convolution at a quarter of the channels between two 1×1 convolutions, with a shortcut; the 3×3 convolution has
 * the stride. Source: He et al. 2016, fig. 5; the stride's place as in torchvision.
 */
export class Bottleneck extends Block {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv2: Conv2d;
  readonly bn2: BatchNorm;
  readonly conv3: Conv2d;
  readonly bn3: BatchNorm;
  readonly downsample: Shortcut;

  constructor(init: Init, inputs: number, outputs: number, stride: number) {
    super();
    const narrow = outputs / 4;
    this.conv1 = new Conv2d(init.at("conv1"), inputs, narrow, { kernel: 1 });
    this.bn1 = new BatchNorm(init, narrow);
    this.conv2 = new Conv2d(init.at("conv2"), narrow, narrow, { kernel: 3, stride });
    this.bn2 = new BatchNorm(init, narrow);
    this.conv3 = new Conv2d(init.at("conv3"), narrow, outputs, { kernel: 1 });
    this.bn3 = new BatchNorm(init, outputs);
    this.downsample = shortcut(init, inputs, outputs, stride);
  }

  forward(x: Tensor, pass: Pass): Tensor {
    const reduced = this.bn1.forward(this.conv1.forward(x), pass, { activation: "relu" });
    const hidden = this.bn2.forward(this.conv2.forward(reduced), pass, { activation: "relu" });
    const residual = projected(x, this.downsample, pass);
    return this.bn3.forward(this.conv3.forward(hidden), pass, { residual, activation: "relu" });
  }
}

// The batch norms of factorised blocks are told apart from the others' by this eps, in ERFNet and since.
const FACTORISED_EPS = 1e-3;

/**
 * A residual block whose two 3×3 convolutions are factorised into 3×1 and 1×3: fewer weights, one more ReLU each.
 * Source: Romera et al. 2018 (ERFNet), fig. 2c; inside a ResNet as in ESANet (Seichter et al. 2021).
 */
export class NonBottleneck1D extends Block {
  readonly conv3x1_1: Conv2d;
  readonly conv1x3_1: Conv2d;
  readonly bn1: BatchNorm;
  readonly conv3x1_2: Conv2d;
  readonly conv1x3_2: Conv2d;
  readonly bn2: BatchNorm;
  readonly downsample: Shortcut;
  readonly dropout: Dropout | null;

  /** dilation: between the taps of the second pair; dropout: before the shortcut is added. */
  constructor(
    init: Init,
    inputs: number,
    outputs: number,
    stride = 1,
    { dilation = 1, dropout = 0 }: { dilation?: number; dropout?: number } = {},
  ) {
    super();
    const inner = { bias: true, activation: "relu" } as const;
    const [down, across] = [
      [3, 1],
      [1, 3],
    ] as const;
    this.conv3x1_1 = new Conv2d(init.at("conv3x1_1"), inputs, outputs, { kernel: down, stride: [stride, 1], ...inner });
    this.conv1x3_1 = new Conv2d(init.at("conv1x3_1"), outputs, outputs, {
      ...{ kernel: across, stride: [1, stride], bias: true },
    });
    this.bn1 = new BatchNorm(init, outputs, FACTORISED_EPS);
    this.conv3x1_2 = new Conv2d(init.at("conv3x1_2"), outputs, outputs, { kernel: down, dilation, ...inner });
    this.conv1x3_2 = new Conv2d(init.at("conv1x3_2"), outputs, outputs, { kernel: across, dilation, bias: true });
    this.bn2 = new BatchNorm(init, outputs, FACTORISED_EPS);
    this.downsample = shortcut(init, inputs, outputs, stride);
    this.dropout = dropout > 0 ? new Dropout(dropout) : null;
  }

  forward(x: Tensor, pass: Pass): Tensor {
    const first = this.conv1x3_1.forward(this.conv3x1_1.forward(x));
    const hidden = this.bn1.forward(first, pass, { activation: "relu" });
    const second = this.conv1x3_2.forward(this.conv3x1_2.forward(hidden));
    const residual = projected(x, this.downsample, pass);
    if (!this.dropout) return this.bn2.forward(second, pass, { residual, activation: "relu" });
    return relu(add(this.dropout.forward(this.bn2.forward(second, pass), pass), residual));
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
    return weighted(x, reshape(weights, [n, 1, 1, c]));
  }
}

/** x times factors that broadcast to its shape, with elements of x's type. */
export function weighted(x: Tensor, factors: Tensor): Tensor {
  return storedAs(x, mul(cast(x, "f32"), factors));
}

/** Maps of one size beside each other, [N,H,W,ΣC], with elements of the first one's type. */
export function beside(maps: readonly Tensor[]): Tensor {
  const wide = maps.map((map) => cast(map, "f32"));
  return storedAs(maps[0]!, concat(wide, 3));
}

/** The mean of two or more tensors of one shape, element by element. */
export function meanOf(tensors: readonly Tensor[]): Tensor {
  const [a, b, ...more] = tensors as [Tensor, Tensor, ...Tensor[]];
  return more.length === 0 ? average(a, b) : affine(tensors.reduce(add), 1 / tensors.length);
}
