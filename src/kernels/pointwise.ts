import type { GpuDevice } from "../tensor/device.ts";
import { scope } from "../tensor/tensor.ts";
import type { Conv2dJob, Conv2dParams } from "./conv2d_kernels.ts";
import { batchedProduct } from "./matmul.ts";

/** Whether a convolution is nothing but a product of matrices: one tap at every position, and nothing after it. */
export function isProduct({ kh, kw, sh, sw, ph, pw, groups, bias, relu }: Conv2dParams): boolean {
  return kh * kw * sh * sw * groups === 1 && ph + pw + bias + relu === 0;
}

/** A 1 × 1 convolution as the product of positions × channels with channels × filters. */
export function pointwise(gpu: GpuDevice, { tensors, values }: Conv2dJob<"x" | "w" | "bias" | "y">): void {
  const { x, w, y } = tensors;
  const { n, h, w: width, c, k } = values;
  const positions = n * h * width;
  scope(() => batchedProduct(gpu, x.view([1, positions, c]), w.view([1, c, k]), y.view([1, positions, k])));
}
