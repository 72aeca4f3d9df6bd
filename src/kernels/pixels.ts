import { type Shape, sizeOf } from "../tensor/shape.ts";

/** Threads of a kernel that walks the pixels of [N,H,W,C] with shaders/lib/pixel.wgsl: one for eight channels of a pixel. */
export function pixelThreads(shape: Shape): number {
  return sizeOf(shape.slice(0, 3)) * Math.ceil(shape[3]! / 8);
}
