import { encode } from "fast-png";
import { ShapeError } from "../tensor/errors.ts";
import { BLUE_RED, MAGMA, paint, VIRIDIS } from "./colormap.ts";
import type { ImageReport } from "./types.ts";

/** How depth becomes colour; `near` and `far` are in the units of the depth map and default to its extremes. */
export interface DepthRange {
  near?: number;
  far?: number;
  /** The value that means "no measurement"; 0 by default. NaN always means it. */
  missing?: number;
}

/**
 * Colours a depth map `[height, width]` with viridis, near bright and far dark; missing pixels are hatched grey.
 * @returns `[height, width, 3]`, 8 bits a channel.
 * @throws ShapeError if the map has another size or `far` is not beyond `near`.
 */
export function depthToRgb(
  depth: Uint16Array | Float32Array,
  width: number,
  height: number,
  { near, far, missing = 0 }: DepthRange = {},
): Uint8Array {
  expectPixels("depthToRgb", depth.length, width, height);
  const known = (value: number) => value !== missing && Number.isFinite(value);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of depth) {
    if (!known(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  low = near ?? low;
  high = far ?? high;
  if (near !== undefined && far !== undefined && !(far > near)) {
    throw new ShapeError("depthToRgb", "far beyond near", `near ${near}, far ${far}`);
  }
  const rgb = new Uint8Array(width * height * 3);
  depth.forEach((value: number, i: number) => {
    if (known(value)) paint(VIRIDIS, high > low ? (high - value) / (high - low) : 0.5, rgb, i * 3);
    else rgb.fill(((i % width) + Math.floor(i / width)) % 4 < 2 ? 58 : 86, i * 3, i * 3 + 3);
  });
  return rgb;
}

/**
 * An infrared image `[height, width]` in grey, from its lowest count to its highest.
 * @returns `[height, width, 3]`, 8 bits a channel.
 * @throws ShapeError if the image has another size.
 */
export function infraredToRgb(ir: Uint16Array, width: number, height: number): Uint8Array {
  expectPixels("infraredToRgb", ir.length, width, height);
  const low = ir.reduce((least, count) => Math.min(least, count), 65535);
  const high = ir.reduce((most, count) => Math.max(most, count), 0);
  const rgb = new Uint8Array(width * height * 3);
  for (const [i, count] of ir.entries()) {
    rgb.fill(high > low ? Math.round((255 * (count - low)) / (high - low)) : 128, 3 * i, 3 * i + 3);
  }
  return rgb;
}

/**
 * Colours one feature map `[height, width]`: magma from 0 up when nothing is negative, blue to red about 0 otherwise.
 * @param scale the size drawn in full colour, so that two maps can be compared; the largest of this map by default.
 * @returns `[height, width, 3]`, 8 bits a channel; values that are not finite are grey.
 * @throws ShapeError if the map has another size or `scale` is not above 0.
 */
export function featureToRgb(map: Float32Array, height: number, width: number, scale?: number): Uint8Array {
  expectPixels("featureToRgb", map.length, width, height);
  if (scale !== undefined && !(scale > 0)) throw new ShapeError("featureToRgb", "a scale above 0", `${scale}`);
  let low = 0;
  let size = 0;
  for (const value of map) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    size = Math.max(size, Math.abs(value));
  }
  const full = scale ?? (size || 1);
  const rgb = new Uint8Array(width * height * 3).fill(128);
  map.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    if (low < 0) paint(BLUE_RED, 0.5 + value / (2 * full), rgb, i * 3);
    else paint(MAGMA, value / full, rgb, i * 3);
  });
  return rgb;
}

/** A picture as a PNG inside a `data:` address. */
export function pngDataUri({ width, height, rgb }: Pick<ImageReport, "width" | "height" | "rgb">): string {
  const png = encode({ width, height, data: rgb, depth: 8, channels: 3 });
  let binary = "";
  for (const byte of png) binary += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(binary)}`;
}

function expectPixels(op: string, got: number, width: number, height: number): void {
  if (got !== width * height) throw new ShapeError(op, `${height}x${width} values`, `${got}`);
}
