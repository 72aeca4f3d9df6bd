import type { GpuDevice } from "../src/tensor/device.ts";
import type { Op } from "../src/tensor/op.ts";
import type { Shape } from "../src/tensor/shape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

/**
 * Floating-point operations of the matrix products and convolutions that `body` runs on a device, by their definition; a
 * gradient of either costs as much as its forward pass. What else a network does is left out: it is bound by memory.
 */
export function countFlops(device: GpuDevice, body: () => void): number {
  const execute = device.execute;
  let total = 0;
  device.execute = function <Attrs>(
    this: GpuDevice,
    op: Op<Attrs>,
    inputs: readonly Tensor[],
    attrs: Attrs,
    shape: Shape,
  ) {
    const gradients = inputs.slice(0, 2).filter(({ tracked }) => tracked).length;
    total += forwardFlops(op.name, inputs, shape) * (1 + gradients);
    return execute.call(this, op as Op<unknown>, inputs, attrs, shape);
  } as GpuDevice["execute"];
  try {
    body();
  } finally {
    device.execute = execute;
  }
  return total;
}

function forwardFlops(name: string, [a, b]: readonly Tensor[], shape: Shape): number {
  const size = shape.reduce((product, extent) => product * extent, 1);
  // Each output of a convolution sums over the taps and channels of one filter, of a product over the shared axis.
  if (name.startsWith("conv2d")) return (2 * size * b!.size) / b!.shape.at(-1)!;
  if (name.startsWith("matmul")) return (2 * size * a!.size) / shape[0]!;
  return 0;
}
