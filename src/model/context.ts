import { adaptiveAvgPool2d } from "../kernels/adaptive_pool.ts";
import { resize } from "../kernels/resize.ts";
import { type Init, Module, type Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { beside, ConvNorm } from "./blocks.ts";

/**
 * Pyramid pooling: beside the map its means over coarser and coarser bins, each reduced by a 1×1 convolution and brought
 * back to the map's size, and all of it mixed by another. Training needs two images at least where there is a single bin.
 * Source: Zhao et al. 2017 (PSPNet), fig. 3; with few bins as in ESANet (Seichter et al. 2021).
 */
export class PyramidPooling extends Module {
  readonly reduce: ConvNorm[];
  readonly mix: ConvNorm;
  readonly #bins: readonly number[];

  /** bins: along each axis, for each level of the pyramid. */
  constructor(init: Init, inputs: number, outputs: number, bins: readonly number[]) {
    super();
    this.#bins = bins;
    const reduced = Math.ceil(inputs / bins.length);
    this.reduce = bins.map((_, i) => new ConvNorm(init.at("reduce", i), inputs, reduced, { kernel: 1 }));
    this.mix = new ConvNorm(init.at("mix"), inputs + bins.length * reduced, outputs, { kernel: 1 });
  }

  /** [N,H,W,inputs] → [N,H,W,outputs]. */
  forward(x: Tensor, pass: Pass): Tensor {
    const [, height, width] = x.shape as [number, number, number];
    const levels = this.#bins.map((bins, i) => {
      const means = this.reduce[i]!.forward(adaptiveAvgPool2d(x, { height: bins, width: bins }), pass);
      return resize(means, { height, width, mode: "bilinear" });
    });
    return this.mix.forward(beside([x, ...levels]), pass);
  }
}
