import source from "../../shaders/dropout.wgsl";
import finiteLib from "../../shaders/lib/finite.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import { type Live, now } from "../tensor/command.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const kernel = defineKernel({
  name: "dropout",
  source,
  include: [gridLib, finiteLib],
  bindings: { x: "read", y: "write" },
  params: { n: "u32", key: "u32", threshold: "u32", scale: "f32" },
});

/** The probability to drop an element, and the number (32 bits) that selects the mask, which may change between replays. */
export interface DropoutAttrs {
  p: number;
  seed: Live;
}

function run(gpu: GpuDevice, x: Tensor, { p, seed }: DropoutAttrs, label: string): Tensor {
  const y = gpu.empty(x.shape, label);
  // A hash below the threshold drops: p of all 2^32 values.
  const params = { n: x.size, key: seed, threshold: Math.floor(p * 2 ** 32), scale: 1 / (1 - p) };
  kernel.run(gpu, { x, y }, params, { threads: x.size });
  return y;
}

/** Dropout as an op; the gradient is the same kernel over the gradient. */
export const dropoutOp = defineOp<DropoutAttrs>({
  name: "dropout",
  shape([x], { p, seed }) {
    expect(p >= 0 && p < 1, "dropout", "p in [0, 1)", String(p));
    expect(now(seed) >>> 0 === now(seed), "dropout", "an integer seed in [0, 2^32)", String(now(seed)));
    return x!.shape;
  },
  forward: (device, [x], attrs) => run(device as GpuDevice, x!, attrs, "dropout"),
  vjp: (device, { attrs }, dy) => [run(device as GpuDevice, dy, attrs, "dropout gradient")],
});

/**
 * Drops each element (sets it to 0) with probability p and divides the others by 1 - p, any shape; which ones is a
 * function of the seed and the element's index alone.
 * @throws ShapeError if p is not in [0, 1) or the seed is not an unsigned 32-bit integer.
 * Source: Srivastava et al. 2014, in the inverted form.
 */
export function dropout(x: Tensor, attrs: DropoutAttrs): Tensor {
  return dropoutOp.apply([x], attrs);
}
