import { type BatchNormOptions, batchNorm } from "../kernels/batch_norm.ts";
import { add } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { conv2d } from "../kernels/conv2d.ts";
import { dropout } from "../kernels/dropout.ts";
import { matmul } from "../kernels/matmul.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Init, Module, type Pass } from "./module.ts";

/** Settings of a convolution layer; numbers apply to both axes. */
export interface Conv2dOptions {
  kernel: number;
  stride?: number;
  /** Zeros around the image; half the kernel by default, so that stride 1 keeps the size. */
  padding?: number;
  dilation?: number;
  groups?: number;
  bias?: boolean;
  activation?: "none" | "relu";
}

/** A weight with elements of x's type: the weight itself stays f32. */
function storedAs(x: Tensor, weight: Tensor): Tensor {
  return cast(weight, x.dtype === "f16" ? "f16" : "f32");
}

/** Convolution of [N,H,W,C] images with He-normal weights. Source: He et al. 2015. */
export class Conv2d extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
  readonly #options: Required<Omit<Conv2dOptions, "kernel" | "bias">>;

  constructor(init: Init, inputs: number, outputs: number, options: Conv2dOptions) {
    super();
    const { kernel, stride = 1, padding = (kernel - 1) >> 1, dilation = 1, groups = 1, bias = false } = options;
    const { activation = "none" } = options;
    const fan = (kernel * kernel * inputs) / groups;
    this.weight = init.at("weight").normal([kernel, kernel, inputs / groups, outputs], Math.sqrt(2 / fan));
    this.bias = bias ? init.constant([outputs], 0) : null;
    this.#options = { stride, padding, dilation, groups, activation };
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, storedAs(x, this.weight), this.bias, this.#options);
  }
}

/** Batch normalisation over all axes but the last. Source: Ioffe & Szegedy 2015; running statistics as in PyTorch. */
export class BatchNorm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;

  constructor(init: Init, channels: number) {
    super();
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
    const options = { training, ...(repeated ? { momentum: 0 } : {}), ...after };
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
    return pass.training && this.#p > 0 ? dropout(x, { p: this.#p, seed: pass.seed() }) : x;
  }
}
