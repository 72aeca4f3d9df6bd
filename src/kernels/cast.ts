import fromSource from "../../shaders/from_half.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import toSource from "../../shaders/to_half.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { defineOp } from "../tensor/op.ts";
import type { Tensor } from "../tensor/tensor.ts";

const spec = { include: [gridLib], bindings: { x: "read", y: "write" }, params: { n: "u32" } } as const;
const toHalf = defineKernel({ ...spec, name: "to_half", source: toSource, elements: ["y"] });
const fromHalf = defineKernel({ ...spec, name: "from_half", source: fromSource, elements: ["x"] });

/** The element type to convert to. */
export interface CastAttrs {
  to: "f32" | "f16";
}

/** x with elements of another type, untracked; a view where it has that type already. */
export function convert(gpu: GpuDevice, x: Tensor, to: "f32" | "f16", label: string): Tensor {
  if (x.dtype === to) return x.detach();
  const y = gpu.empty(x.shape, label, to);
  // Four numbers a thread: buffers are longer than the last ones by enough.
  const n = Math.ceil(x.size / 4);
  (to === "f16" ? toHalf : fromHalf).run(gpu, { x, y }, { n }, { threads: n });
  return y;
}

/** Conversion between f32 and f16 as an op; the gradient is converted back. */
export const castOp = defineOp<CastAttrs>({
  name: "cast",
  elements: [0],
  shape: ([x]) => x!.shape,
  forward: (device, [x], { to }) => convert(device as GpuDevice, x!, to, "cast"),
  vjp: (device, { inputs: [x] }, dy) => [convert(device as GpuDevice, dy, x!.dtype as "f32" | "f16", "cast gradient")],
});

/**
 * x with elements of f32 or f16, any shape: rounded to nearest, infinite beyond 65504.
 * @throws UsageError if the adapter has no shader-f16.
 */
export function cast(x: Tensor, to: CastAttrs["to"]): Tensor {
  if (x.dtype === to) return x;
  const gpu = x.device as GpuDevice;
  if (to === "f16" && !gpu.gpu?.features.has("shader-f16")) {
    throw new UsageError("cast: expected an adapter with shader-f16, got one without");
  }
  return castOp.apply([x], { to });
}

/** An f32 tensor with elements of x's type, f16 or f32. */
export function storedAs(x: Tensor, wide: Tensor): Tensor {
  return cast(wide, x.dtype as CastAttrs["to"]);
}
