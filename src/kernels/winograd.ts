import gridLib from "../../shaders/lib/grid.wgsl";
import inputSource from "../../shaders/winograd_input.wgsl";
import outputSource from "../../shaders/winograd_output.wgsl";
import weightSource from "../../shaders/winograd_weight.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Conv2dJob, Conv2dParams } from "./conv2d_kernels.ts";
import { batchedProduct } from "./matmul.ts";

const u32s = <Name extends string>(...names: Name[]) =>
  Object.fromEntries(names.map((name) => [name, "u32"])) as Record<Name, "u32">;

const include = [gridLib];
const weightKernel = defineKernel({
  name: "winograd_weight",
  source: weightSource,
  include,
  bindings: { w: "read", u: "write" },
  elements: ["w"],
  params: u32s("c", "k"),
  constants: ["TURNED"],
});
const inputKernel = defineKernel({
  name: "winograd_input",
  source: inputSource,
  include,
  bindings: { x: "read", v: "write" },
  elements: ["x"],
  params: u32s("first", "images", "tiles_y", "tiles_x", "h", "w", "c", "ph", "pw"),
});
const outputKernel = defineKernel({
  name: "winograd_output",
  source: outputSource,
  include,
  bindings: { m: "read", bias: "read", y: "write" },
  elements: ["y"],
  params: u32s("first", "images", "tiles_y", "tiles_x", "oh", "ow", "k", "bias", "relu"),
});

/** Scratch memory to keep to, in bytes, where one image needs no more: little enough for the cache of a CPU. */
const SCRATCH = 8 * 2 ** 20;
/** Elements of the transformed 4 × 4 tile. */
const POINTS = 16;

const tilesOf = ({ oh, ow }: Pick<Conv2dParams, "oh" | "ow">) => [Math.ceil(oh / 2), Math.ceil(ow / 2)] as const;

/** Whether a convolution is one that Winograd's F(2×2, 3×3) computes, within the device's limits. */
export function winogradFits(gpu: GpuDevice, values: Conv2dParams): boolean {
  const { c, k, kh, kw, sh, sw, dh, dw, groups } = values;
  const [tilesY, tilesX] = tilesOf(values);
  const largest = 4 * POINTS * Math.max(tilesY * tilesX * c, tilesY * tilesX * k, c * k);
  return (
    kh === 3 &&
    kw === 3 &&
    Math.max(sh, sw, dh, dw, groups) === 1 &&
    c % 4 === 0 &&
    k % 4 === 0 &&
    largest <= gpu.gpu.limits.maxStorageBufferBindingSize
  );
}

/**
 * Whether the saved products outweigh the transforms on an adapter that runs on the CPU: there, loading or storing a
 * number takes the time of about ten products.
 */
export function winogradPays(values: Conv2dParams): boolean {
  const { n, c, k } = values;
  const [tilesY, tilesX] = tilesOf(values);
  const tiles = n * tilesY * tilesX;
  const moved = 32 * tiles * c + 20 * tiles * k + 25 * c * k;
  // Fewer than 64 tiles leave rows of the products' register tiles unused.
  return tiles >= 64 && POINTS * tiles * c * k + 10 * moved < 36 * tiles * c * k;
}

/**
 * Stride-1 3 × 3 convolution by 16 matrix products over transformed tiles: 2.25 times fewer multiplications.
 * Source: Lavin & Gray 2016, F(2×2, 3×3), algorithm 1.
 */
export function winograd(gpu: GpuDevice, { tensors, values }: Conv2dJob<"x" | "w" | "bias" | "y">): void {
  convolve(gpu, tensors, values, false);
}

/** The convolution of dy that gives the gradient for the input: filters and channels change places. */
export function gradientConvolution(values: Conv2dParams): Conv2dParams {
  const { h, w, c, oh, ow, k, ph, pw } = values;
  return { ...values, h: oh, w: ow, c: k, oh: h, ow: w, k: c, ph: 2 - ph, pw: 2 - pw, bias: 0, relu: 0 };
}

/** The gradient for the input of a stride-1 3 × 3 convolution, likewise: dy convolved with the weights turned by 180°. */
export function winogradGradient(gpu: GpuDevice, { tensors, values }: Conv2dJob<"dy" | "w" | "dx">): void {
  const { dy, w, dx } = tensors;
  convolve(gpu, { x: dy, w, bias: w, y: dx }, gradientConvolution(values), true);
}

function convolve(
  gpu: GpuDevice,
  tensors: Record<"x" | "w" | "bias" | "y", Tensor>,
  { n, h, w, c, oh, ow, k, ph, pw, bias, relu }: Conv2dParams,
  turned: boolean,
): void {
  const [tiles_y, tiles_x] = tilesOf({ oh, ow });
  const tiles = tiles_y * tiles_x;
  const scratch = (...shape: number[]): Tensor => gpu.empty(shape, "conv2d");
  const u = scratch(POINTS, c, k);
  const [channels, filters] = turned ? [k, c] : [c, k];
  weightKernel.run(gpu, { w: tensors.w, u }, { c: channels, k: filters }, { threads: (c * k) / 4 }, { TURNED: turned });
  const bound = Math.min(SCRATCH / (c + k), gpu.gpu.limits.maxStorageBufferBindingSize / Math.max(c, k));
  const together = Math.max(1, Math.min(n, Math.floor(bound / (4 * POINTS * tiles))));
  for (let first = 0; first < n; first += together) {
    const images = Math.min(together, n - first);
    const part = { first, images, tiles_y, tiles_x };
    const v = scratch(POINTS, images * tiles, c);
    inputKernel.run(gpu, { x: tensors.x, v }, { ...part, h, w, c, ph, pw }, { threads: (images * tiles * c) / 4 });
    const m = scratch(POINTS, images * tiles, k);
    batchedProduct(gpu, v, u, m);
    v.dispose();
    outputKernel.run(
      gpu,
      // Without a bias m stands in its place.
      { m, bias: bias ? tensors.bias : m, y: tensors.y },
      { ...part, oh, ow, k, bias, relu },
      { threads: (images * tiles * k) / 4 },
    );
    m.dispose();
  }
  u.dispose();
}
