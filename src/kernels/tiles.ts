import { type GpuDevice, SUBGROUP_MATRIX } from "../tensor/device.ts";
import { type Extent, fold } from "../tensor/kernel.ts";

/** How to dispatch a tiled kernel: its workgroups and its tile constant. */
export type TileRun<Constant extends string> = readonly [Extent, Record<Constant, number>];

/** The product of matrices that a kernel does: rows × cols, `times` of them. */
export interface TiledProduct {
  rows: number;
  cols: number;
  times: number;
}

function squareTiles(T: 8 | 16, side: number, { rows, cols, times }: TiledProduct): TileRun<"T"> {
  const [x, y] = fold(Math.ceil(rows / side));
  return [{ groups: [x, y, Math.ceil(cols / side) * times] }, { T }];
}

/** The workgroup-memory tiles (shaders/lib/tile.wgsl) of 4T × 4T for a product. */
export const workgroupTiles = (T: 8 | 16, product: TiledProduct): TileRun<"T"> => squareTiles(T, 4 * T, product);

/** The workgroup-memory tiles of 8T × 8T with 8 × 8 outputs a thread (shaders/lib/block.wgsl) for a product. */
export const blockTiles = (T: 8 | 16, product: TiledProduct): TileRun<"T"> => squareTiles(T, 8 * T, product);

/** The variants for a product on a GPU, the best first: the largest tiles of which there are enough to fill it. */
export function preferredTiles({ rows, cols, times }: TiledProduct): string[] {
  const outputs = rows * cols * times;
  const enough = {
    blockedLarge: outputs >= 256 * 128 * 128 && rows > 64 && cols > 64,
    blocked: outputs >= 128 * 64 * 64 && rows > 32 && cols > 32,
    tiledLarge: outputs >= 256 * 64 * 64 && cols > 32,
    tiled: true,
  };
  return Object.entries(enough).flatMap(([name, pays]) => (pays ? [name] : []));
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

/** One product of small matrices that an adapter's matrix units do: M×K by K×N, of what components and into which. */
export interface MatrixConfig {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

/** The products that the subgroups of a device can do as one; none where subgroup matrices are not switched on. */
export function matrixConfigs({ gpu }: GpuDevice): readonly MatrixConfig[] {
  if (!gpu.features.has(SUBGROUP_MATRIX)) return [];
  return (gpu.adapterInfo as { subgroupMatrixConfigs?: readonly MatrixConfig[] }).subgroupMatrixConfigs ?? [];
}

/** Side of the largest square fragment of f16 with f32 sums that the device does and all extents are divisible by, else 0. */
export function fragmentSide(gpu: GpuDevice, extents: readonly number[]): number {
  const listed = matrixConfigs(gpu).filter(
    ({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32",
  );
  const fits = (side: number) =>
    extents.every((extent) => extent % side === 0) && listed.some(({ M, N, K }) => [M, N, K].every((n) => n === side));
  return lanesOf(gpu) > 0 ? ([16, 8].find(fits) ?? 0) : 0;
}

/** The tiles of 4 × 2 fragments (shaders/matmul_subgroup_matrix.wgsl) for a product, one for each subgroup. */
export function fragmentTiles(
  gpu: GpuDevice,
  SIDE: number,
  { rows, cols, times }: TiledProduct,
): TileRun<"LANES" | "SIDE"> {
  const tiles = Math.ceil(rows / (4 * SIDE)) * Math.ceil(cols / (2 * SIDE)) * times;
  return [{ groups: fold(tiles) }, { LANES: lanesOf(gpu), SIDE }];
}
