import source from "../../shaders/hits.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import { expect } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";

const kernel = defineKernel({
  name: "hits",
  source,
  bindings: { labels: "read", targets: "read", count: "write" },
  params: { n: "u32", ignored: "u32" },
  workgroup: null,
});

/** The target that does not count. */
export interface HitsAttrs {
  ignored: number;
}

/** Counting right labels as an op; inputs labels and targets, u32 of one shape. */
export const hitsOp = defineOp<HitsAttrs>({
  name: "hits",
  dtypes: ["u32", "u32"],
  shape([labels, targets], { ignored }) {
    expectShape("hits", "targets", targets!, labels!.shape);
    expect(ignored >>> 0 === ignored, "hits", "ignored in [0, 2^32)", String(ignored));
    // Larger counts would not be exact in f32.
    expect(labels!.size <= 2 ** 24, "hits", "at most 2^24 labels", String(labels!.size));
    return [2];
  },
  forward(device, [labels, targets], { ignored }) {
    const gpu = device as GpuDevice;
    const count = gpu.empty([2], "hits");
    kernel.run(gpu, { labels: labels!, targets: targets!, count }, { n: labels!.size, ignored }, { groups: [1, 1, 1] });
    return count;
  },
  vjp: null,
});

/**
 * How many labels equal their target, and how many targets are not `ignored`: u32 and u32 of one shape → f32 [2].
 * @throws ShapeError if shapes differ or there are more than 2^24 labels.
 */
export function hits(labels: Tensor, targets: Tensor, attrs: HitsAttrs): Tensor {
  return hitsOp.apply([labels, targets], attrs);
}
