import { storedAs } from "../kernels/cast.ts";
import { conv2d } from "../kernels/conv2d.ts";
import { resize } from "../kernels/resize.ts";
import { pad } from "../kernels/shape.ts";
import { type Init, Module } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

// Behind doubling by the nearest pixel these weights interpolate linearly along each axis.
const TENT = [0.25, 0.5, 0.25];

/**
 * Learned upsampling: the nearest pixel, then a 3×3 convolution of each channel by itself, which begins as bilinear
 * interpolation. Source: Seichter et al. 2021 (ESANet), section III-C.
 */
export class Upsample extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(init: Init, channels: number) {
    super();
    this.weight = init.constant([3, 3, 1, channels], 0);
    this.bias = init.constant([channels], 0);
    const taps = TENT.flatMap((v) => TENT.map((h) => v * h));
    init.device.write(
      this.weight,
      taps.flatMap((tap) => new Array<number>(channels).fill(tap)),
    );
  }

  /**
   * [N,h,w,C] → [N,height,width,C]; made for twice the extents, or one less of a pixel. C may be more than the channels that
   * there are: what comes of the others is 0.
   */
  forward(x: Tensor, { height, width }: { height: number; width: number }): Tensor {
    const groups = x.shape[3]!;
    const weight = storedAs(x, padChannels(this.weight, groups));
    const finer = resize(x, { height, width, mode: "nearest" });
    return conv2d(finer, weight, padChannels(this.bias, groups), { padding: 1, groups });
  }
}

/** x with zeros behind its last axis, up to so many channels. */
export function padChannels(x: Tensor, channels: number): Tensor {
  const missing = channels - x.shape.at(-1)!;
  if (missing === 0) return x;
  const none = x.shape.map(() => 0);
  return pad(x, none, none.with(-1, missing));
}
