import type { GpuDevice } from "../tensor/device.ts";
import { type Extent, fold } from "../tensor/kernel.ts";

/** Columns of one subgroup's tile in shaders/lib/lanes.wgsl. */
const LANES_COLUMNS = 24;

/** How to dispatch a tiled kernel: its workgroups and its tile constant. */
export type TileRun<Constant extends string> = readonly [Extent, Record<Constant, number>];

/**
 * The workgroup-memory tiles (shaders/lib/tile.wgsl) of a product of rows × cols, repeated `times` along z.
 * Tiles are 64 × 64 where they are many enough to fill a GPU, else 32 × 32.
 */
export function workgroupTiles(rows: number, cols: number, times = 1): TileRun<"T"> {
  const T = rows * cols * times >= 256 * 64 * 64 && cols > 32 ? 16 : 8;
  const [x, y] = fold(Math.ceil(rows / (4 * T)));
  return [{ groups: [x, y, Math.ceil(cols / (4 * T)) * times] }, { T }];
}

/** The subgroup tiles (shaders/lib/lanes.wgsl) of a product of rows × cols, repeated `times`. */
export function laneTiles(gpu: GpuDevice, rows: number, cols: number, times = 1): TileRun<"LANES"> {
  const LANES = lanesOf(gpu);
  return [{ groups: fold(Math.ceil(rows / (4 * LANES)) * Math.ceil(cols / LANES_COLUMNS) * times) }, { LANES }];
}

/** Threads in every subgroup, or 0 where they differ or subgroups are not to be had. */
export function lanesOf(gpu: GpuDevice): number {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = gpu.gpu.adapterInfo ?? {};
  const usable = gpu.gpu.features.has("subgroups") && subgroupMinSize === subgroupMaxSize;
  return usable && subgroupMinSize >= 4 ? subgroupMinSize : 0;
}
