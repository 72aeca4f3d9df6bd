import { type BatchNormOptions, batchNorm } from "../kernels/batch_norm.ts";
import { add } from "../kernels/binary.ts";
import { cast, storedAs } from "../kernels/cast.ts";
import { conv2d } from "../kernels/conv2d.ts";
import { dropout } from "../kernels/dropout.ts";
import { matmul } from "../kernels/matmul.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Init, Module, type Pass } from "./module.ts";

/** One number for both axes, or [vertical, horizontal]. */
export type Extents = number | readonly [number, number];

/** Settings of a convolution layer. */
export interface Conv2dOptions {
  kernel: Extents;
  stride?: Extents;
  /** Zeros around the image; half of what the kernel spans by default, so that stride 1 keeps the size. */
  padding?: Extents;
  dilation?: Extents;
  groups?: number;
  bias?: boolean;
  activation?: "none" | "relu";
}

const pair = (extents: Extents): readonly [number, number] =>
  typeof extents === "number" ? [extents, extents] : extents;

/** Convolution of [N,H,W,C] images with He-normal weights. Source: He et al. 2015. */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly #options: Required<Omit<Conv2dOptions, "kernel" | "bias">>;

  constructor(init: Init, inputs: number, outputs: number, options: Conv2dOptions) {
    super();
    const { stride = 1, groups = 1, bias = false, activation = "none" } = options;
    const [kernel, dilation] = [pair(options.kernel), pair(options.dilation ?? 1)];
    const half = (axis: 0 | 1) => (dilation[axis] * (kernel[axis] - 1)) >> 1;
    const { padding = [half(0), half(1)] } = options;
    const fan = (kernel[0] * kernel[1] * inputs) / groups;
    this.weight = init.at("weight").normal([...kernel, inputs / groups, outputs], Math.sqrt(2 / fan));
    this.bias = bias ? init.constant([outputs], 0) : null;
    this.#options = { stride, padding, dilation, groups, activation };
  }

  forward(x: Tensor): Tensor {
    // The weight itself stays f32.
    return conv2d(x, storedAs(x, this.weight), this.bias, this.#options);
  }
}

/** Batch normalisation over all axes but the last. Source: Ioffe & Szegedy 2015; running statistics as in PyTorch. */
export class BatchNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly #eps: number;

  /** eps: what keeps the square root of the variance from zero. */
  constructor(init: Init, channels: number, eps = 1e-5) {
    super();
    this.#eps = eps;
    this.weight = init.constant([channels], 1);
    this.bias = init.constant([channels], 0);
    this.runningMean = init.buffer([channels], 0);
    this.runningVar = init.buffer([channels], 1);
  }

  /** Normalises x, then adds a residual and applies an activation in the same pass, where given. */
  forward(
    x: Tensor,
    { training, repeated = false }: Pass,
    after: Pick<BatchNormOptions, "activation" | "residual"> = {},
  ): Tensor {
    const options = { training, eps: this.#eps, ...(repeated ? { momentum: 0 } : {}), ...after };
    return batchNorm(x, this.weight, this.bias, this.runningMean, this.runningVar, options);
  }
}

/** Fully connected layer, [N,inputs] → [N,outputs]; weights [outputs,inputs] as in PyTorch, uniform in ±1/√inputs. */
export class Linear extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(init: Init, inputs: number, outputs: number) {
    super();
    const bound = 1 / Math.sqrt(inputs);
    this.weight = init.at("weight").uniform([outputs, inputs], bound);
    this.bias = init.at("bias").uniform([outputs], bound);
  }

  forward(x: Tensor): Tensor {
    return add(matmul(cast(x, "f32"), this.weight, { transposeB: true }), this.bias);
  }
}

/** Sets elements to zero with probability p while training. Source: Srivastava et al. 2014. */
export class Dropout extends Module {
  readonly #p: number;

  constructor(p: number) {
    super();
    this.#p = p;
  }

  forward(x: Tensor, pass: Pass): Tensor {
    if (!pass.training || this.#p === 0) return x;
    return storedAs(x, dropout(cast(x, "f32"), { p: this.#p, seed: pass.seed() }));
  }
}
