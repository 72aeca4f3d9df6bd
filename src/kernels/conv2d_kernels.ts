import source from "../../shaders/conv2d.wgsl";
import dwSource from "../../shaders/conv2d_dw.wgsl";
import dwTiledSource from "../../shaders/conv2d_dw_tiled.wgsl";
import dxSource from "../../shaders/conv2d_dx.wgsl";
import dxTiledSource from "../../shaders/conv2d_dx_tiled.wgsl";
import tiledSource from "../../shaders/conv2d_tiled.wgsl";
import conv2dLib from "../../shaders/lib/conv2d.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import tileLib from "../../shaders/lib/tile.wgsl";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel, fold } from "../tensor/kernel.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineFamily } from "../tensor/variant.ts";
import { tileSide } from "./matmul.ts";

const names = ["n", "h", "w", "c", "oh", "ow", "k", "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw", "groups"] as const;
const params = Object.fromEntries([...names, "bias", "parts"].map((name) => [name, "u32"])) as Record<
  keyof Geometry | "bias" | "parts",
  "u32"
>;

/** Extents of a convolution as the shaders name them: x[n,h,w,c], w[kh,kw,c/groups,k], y[n,oh,ow,k]; stride, padding, dilation. */
export type Geometry = Record<(typeof names)[number], number>;

const forwardBindings = { x: "read", w: "read", bias: "read", y: "write" } as const;
const dxBindings = { dy: "read", w: "read", dx: "write" } as const;
const dwBindings = { x: "read", dy: "read", part: "write" } as const;
const registers = { include: [gridLib, conv2dLib], params };
const tiled = { include: [tileLib, conv2dLib], params, constants: ["T"], workgroup: null };

const forwardKernel = defineKernel({ name: "conv2d", source, bindings: forwardBindings, ...registers });
const forwardTiledKernel = defineKernel({
  name: "conv2d_tiled",
  source: tiledSource,
  bindings: forwardBindings,
  ...tiled,
});
const dxKernel = defineKernel({ name: "conv2d_dx", source: dxSource, bindings: dxBindings, ...registers });
const dxTiledKernel = defineKernel({ name: "conv2d_dx_tiled", source: dxTiledSource, bindings: dxBindings, ...tiled });
const dwKernel = defineKernel({ name: "conv2d_dw", source: dwSource, bindings: dwBindings, ...registers });
const dwTiledKernel = defineKernel({ name: "conv2d_dw_tiled", source: dwTiledSource, bindings: dwBindings, ...tiled });

interface Job<Names extends string> {
  tensors: Record<Names, Tensor>;
  values: Record<keyof typeof params, number>;
}

// Tiles are 32 channels wide at least, so where a group has few channels most of a tile would be wasted.
const prefer = (gpu: GpuDevice, { values: { c, k, groups } }: Job<string>) =>
  gpu.adapter.software || Math.min(c, k) / groups < 8 ? "registers" : "tiled";

/** Workgroups of a product of `rows` × `cols`, repeated `times`: rows folded into x and y, the rest in z. */
function tiles(rows: number, cols: number, times: number) {
  const T = tileSide(rows, cols);
  const [x, y] = fold(Math.ceil(rows / (4 * T)));
  return [{ groups: [x, y, Math.ceil(cols / (4 * T)) * times] as const }, { T }] as const;
}

/** y from x, w and bias (any tensor where `values.bias` is 0). */
export const forwardFamily = defineFamily<Job<"x" | "w" | "bias" | "y">>({
  name: "conv2d",
  variants: {
    registers: {
      run(gpu, { tensors, values }) {
        const threads = values.n * values.oh * Math.ceil(values.ow / 4) * values.k;
        forwardKernel.run(gpu, tensors, values, { threads });
      },
    },
    tiled: {
      run(gpu, { tensors, values }) {
        const { n, oh, ow, k, groups } = values;
        forwardTiledKernel.run(gpu, tensors, values, ...tiles(n * oh * ow, k / groups, groups));
      },
    },
  },
  prefer,
});

/** dx from dy and w. */
export const dxFamily = defineFamily<Job<"dy" | "w" | "dx">>({
  name: "conv2d_dx",
  variants: {
    registers: {
      run(gpu, { tensors, values }) {
        const { n, h, w, c, sw } = values;
        dxKernel.run(gpu, tensors, values, { threads: n * h * sw * Math.ceil(w / sw) * c });
      },
    },
    tiled: {
      run(gpu, { tensors, values }) {
        const { n, h, w, c, sh, sw, groups } = values;
        const positions = n * Math.ceil(h / sh) * Math.ceil(w / sw);
        dxTiledKernel.run(gpu, tensors, values, ...tiles(positions, c / groups, groups * sh * sw));
      },
    },
  },
  prefer,
});

/** The parts of dw from x and dy. */
export const dwFamily = defineFamily<Job<"x" | "dy" | "part">>({
  name: "conv2d_dw",
  variants: {
    registers: {
      run(gpu, { tensors, values }) {
        dwKernel.run(gpu, tensors, values, { threads: tensors.part.size });
      },
    },
    tiled: {
      run(gpu, { tensors, values }) {
        const { c, k, kh, kw, groups, parts } = values;
        dwTiledKernel.run(gpu, tensors, values, ...tiles((kh * kw * c) / groups, k / groups, groups * parts));
      },
    },
  },
  prefer,
});

/** Parts to split the sum of a weight gradient into, so that a few thousand threads have work. */
export function partsOf({ n, oh, c, k, kh, kw, groups }: Geometry): number {
  const weights = (kh * kw * c * k) / groups;
  return Math.max(1, Math.min(n * oh, 64, Math.ceil(65536 / weights)));
}
