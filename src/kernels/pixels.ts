import type { GpuDevice } from "../tensor/device.ts";
import type { Kernel } from "../tensor/kernel.ts";
import type { OpDefinition } from "../tensor/op.ts";
import { type Shape, sizeOf } from "../tensor/shape.ts";

/** Threads of a kernel that walks the pixels of [N,H,W,C] with shaders/lib/pixel.wgsl: one for eight channels of a pixel. */
export function pixelThreads(shape: Shape): number {
  return sizeOf(shape.slice(0, 3)) * Math.ceil(shape[3]! / 8);
}

/** The parameters that all kernels have which bring images to other extents. */
export const resamplingParams = {
  n: "u32",
  height: "u32",
  width: "u32",
  channels: "u32",
  out_height: "u32",
  out_width: "u32",
} as const;

type Common = keyof typeof resamplingParams;

/**
 * Forward and backward of an op that brings x[N,H,W,C] to other extents by a kernel each way, whose threads walk the pixels
 * of what they write; `more` are the kernels' parameters besides `resamplingParams`.
 */
export function resampling<Attrs extends { height: number; width: number }, P extends string>(
  name: string,
  kernels: { forward: Kernel<"x" | "y", P>; vjp: Kernel<"dy" | "dx", P> },
  more: (attrs: Attrs) => Record<Exclude<P, Common>, number>,
): Pick<OpDefinition<Attrs>, "forward" | "vjp"> {
  const valuesOf = ([, height, width, channels]: Shape, over: Shape, attrs: Attrs) => {
    const images = { height: height!, width: width!, channels: channels! };
    const outputs = { out_height: attrs.height, out_width: attrs.width };
    return { n: pixelThreads(over), ...images, ...outputs, ...more(attrs) } as Record<P | Common, number>;
  };
  return {
    forward(device, [x], attrs, shape) {
      const gpu = device as GpuDevice;
      const y = gpu.empty(shape, name, x!.dtype);
      const values = valuesOf(x!.shape, shape, attrs);
      kernels.forward.run(gpu, { x: x!, y }, values, { threads: values.n });
      return y;
    },
    vjp(device, { inputs, attrs }, dy) {
      const gpu = device as GpuDevice;
      const { shape } = inputs[0]!;
      const dx = gpu.empty(shape, `${name} gradient`, dy.dtype);
      const values = valuesOf(shape, shape, attrs);
      kernels.vjp.run(gpu, { dy, dx }, values, { threads: values.n });
      return [dx];
    },
  };
}
