import type { GpuDevice } from "../tensor/device.ts";
import { type Extent, fold } from "../tensor/kernel.ts";

/** How to dispatch a tiled kernel: its workgroups and its tile constant. */
export type TileRun<Constant extends string> = readonly [Extent, Record<Constant, number>];

/** The product of matrices that a kernel does: rows × cols, `times` of them. */
export interface TiledProduct {
  rows: number;
  cols: number;
  times: number;
}

/** The workgroup-memory tiles (shaders/lib/tile.wgsl) of 4T × 4T for a product. */
export function workgroupTiles(T: 8 | 16, { rows, cols, times }: TiledProduct): TileRun<"T"> {
  const [x, y] = fold(Math.ceil(rows / (4 * T)));
  return [{ groups: [x, y, Math.ceil(cols / (4 * T)) * times] }, { T }];
}

/** The variant with 64 × 64 tiles where they are many enough to fill a GPU, else the one with 32 × 32. */
export function preferredTiles({ rows, cols, times }: TiledProduct): "tiledLarge" | "tiled" {
  return rows * cols * times >= 256 * 64 * 64 && cols > 32 ? "tiledLarge" : "tiled";
}

/** The subgroup tiles (shaders/lib/lanes.wgsl) for a product. */
export function laneTiles(gpu: GpuDevice, { rows, cols, times }: TiledProduct): TileRun<"LANES" | "QUADS"> {
  const LANES = lanesOf(gpu);
  // A tile of 16 columns takes about 0.8 of the time of one of 24.
  const QUADS = 0.8 * Math.ceil(cols / 16) < Math.ceil(cols / 24) ? 4 : 6;
  const tiles = Math.ceil(rows / (4 * LANES)) * Math.ceil(cols / (4 * QUADS)) * times;
  return [{ groups: fold(tiles) }, { LANES, QUADS }];
}

/** Threads in every subgroup, or 0 where they differ or subgroups are not to be had. */
export function lanesOf(gpu: GpuDevice): number {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = gpu.gpu.adapterInfo ?? {};
  const usable = gpu.gpu.features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
  return usable && subgroupMinSize >= 4 ? subgroupMinSize : 0;
}
