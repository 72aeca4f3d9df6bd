import { add } from "../kernels/binary.ts";
import { cast } from "../kernels/cast.ts";
import { resize } from "../kernels/resize.ts";
import { BatchNorm, Conv2d } from "../nn/layers.ts";
import type { Init, Pass } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Head } from "./head.ts";

// Channels of every scale of the decoder.
const CHANNELS = 32;

/**
 * A light segmentation decoder: each stage's map is reduced to 32 channels, the sum with the coarser scale, resized, is
 * smoothed by a 3×3 convolution, and every scale has its own class scores.
 * Source: the top-down pathway of Lin et al. 2017 (feature pyramid networks), with batch norm.
 */
export class SegmentationDecoder extends Head {
  readonly lateral: Conv2d[];
  readonly conv: Conv2d[];
  readonly bn: BatchNorm[];
  readonly score: Conv2d[];

  /** widths: channels of each stage's map. */
  constructor(init: Init, widths: readonly number[], classes: number) {
    super();
    const pointwise = { kernel: 1, bias: true };
    this.lateral = widths.map((width, l) => new Conv2d(init.at("lateral", l), width, CHANNELS, pointwise));
    this.conv = widths.map((_, l) => new Conv2d(init.at("conv", l), CHANNELS, CHANNELS, { kernel: 3 }));
    this.bn = widths.map(() => new BatchNorm(init, CHANNELS));
    this.score = widths.map((_, l) => new Conv2d(init.at("score", l), CHANNELS, classes, pointwise));
  }

  forward(maps: readonly Tensor[], pass: Pass): Tensor[] {
    const scores: Tensor[] = [];
    let coarser: Tensor | null = null;
    for (let l = maps.length - 1; l >= 0; l--) {
      const reduced = this.lateral[l]!.forward(maps[l]!);
      const [, height, width] = reduced.shape as [number, number, number];
      const summed: Tensor = coarser ? add(reduced, resize(coarser, { height, width, mode: "bilinear" })) : reduced;
      coarser = this.bn[l]!.forward(this.conv[l]!.forward(summed), pass, { activation: "relu" });
      scores.unshift(cast(this.score[l]!.forward(coarser), "f32"));
    }
    return scores;
  }
}
