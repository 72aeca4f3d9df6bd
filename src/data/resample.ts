import { cos, sin } from "../tensor/math.ts";
import type { Sample } from "./sample.ts";

/** Extents of an image in pixels. */
export interface Size {
  width: number;
  height: number;
}

/** A part of an image: its first column and row, and its extents. */
export interface Window extends Size {
  x: number;
  y: number;
}

type Pixels = Uint8Array | Uint16Array;

/**
 * A window of a sample resized to `canvas`. Intensities (colour, infrared) are filtered by a triangle, which is bilinear
 * where the image grows and averages all that it covers where it shrinks, and rounded to what an image file could hold.
 * Depth and labels take the nearest pixel, so that missing depth never mixes with depth that is there. Depths stay what
 * they were: a resized image shows the same things at the same distance, by another lens.
 * Source: the filter of the Pillow library ("bilinear"); depth as ESANet's RandomRescale treats it.
 */
export function resizeSample(sample: Sample, canvas: Size, window: Window): Sample {
  const columns = linearTaps(sample.width, canvas.width, window.x, window.width);
  const rows = linearTaps(sample.height, canvas.height, window.y, window.height);
  const nearestColumns = nearest(sample.width, canvas.width, window.x, window.width);
  const nearestRows = nearest(sample.height, canvas.height, window.y, window.height);
  const from = new Int32Array(window.width * window.height);
  for (let row = 0, to = 0; row < window.height; row++) {
    const start = nearestRows[row]! * sample.width;
    for (let column = 0; column < window.width; column++) from[to++] = start + nearestColumns[column]!;
  }
  return resampled(
    sample,
    window,
    (image, channels, out) => filter(image, sample.width, channels, columns, rows, out),
    from,
  );
}

/** The middle of a sample in other extents: cut to their proportions and resized, or the sample itself where it has them. */
export function fitSample(sample: Sample, { width, height }: Size): Sample {
  if (sample.width === width && sample.height === height) return sample;
  const scale = Math.max(width / sample.width, height / sample.height);
  const canvas = { width: Math.round(sample.width * scale), height: Math.round(sample.height * scale) };
  const middle = { x: (canvas.width - width) >> 1, y: (canvas.height - height) >> 1 };
  return resizeSample(sample, canvas, { ...middle, width, height });
}

/**
 * A window of a sample turned counter-clockwise by `degrees` around its centre: intensities bilinearly, depth and labels
 * by the nearest pixel. What comes from outside is black, without depth, and not counted.
 * Source: method.md d.3 (one angle for all modalities).
 */
export function turnSample(sample: Sample, degrees: number, window: Window): Sample {
  const { width, height } = sample;
  const angle = (degrees * Math.PI) / 180;
  const [c, s] = [cos(angle), sin(angle)];
  const count = window.width * window.height;
  const from = new Int32Array(count);
  const [xs, ys] = [new Float64Array(count), new Float64Array(count)];
  for (let row = 0, to = 0; row < window.height; row++) {
    const dy = window.y + row + 0.5 - height / 2;
    for (let column = 0; column < window.width; column++, to++) {
      const dx = window.x + column + 0.5 - width / 2;
      const x = c * dx - s * dy + width / 2;
      const y = s * dx + c * dy + height / 2;
      from[to] = x >= 0 && y >= 0 && x < width && y < height ? Math.floor(y) * width + Math.floor(x) : OUTSIDE;
      xs[to] = x - 0.5;
      ys[to] = y - 0.5;
    }
  }
  const bilinear = (image: Pixels, channels: number, out: Pixels) => {
    for (let to = 0; to < count; to++) {
      if (from[to] === OUTSIDE) continue;
      const x = Math.floor(xs[to]!);
      const y = Math.floor(ys[to]!);
      const fx = xs[to]! - x;
      const fy = ys[to]! - y;
      const left = channels * (x < 0 ? 0 : x);
      const right = channels * (x + 1 < width ? x + 1 : x);
      const top = channels * width * (y < 0 ? 0 : y);
      const bottom = channels * width * (y + 1 < height ? y + 1 : y);
      for (let k = 0; k < channels; k++) {
        const above = (1 - fx) * image[top + left + k]! + fx * image[top + right + k]!;
        const below = (1 - fx) * image[bottom + left + k]! + fx * image[bottom + right + k]!;
        out[channels * to + k] = Math.floor((1 - fy) * above + fy * below + 0.5);
      }
    }
  };
  return resampled(sample, window, bilinear, from);
}

// In place of a pixel's index: it lies outside of the image.
const OUTSIDE = -1;

// The label of pixels that do not count.
const IGNORED = 255;

/** A sample of a window's size: intensities by `fill`, depth and labels from the pixels of these indices. */
function resampled(
  { rgb, depth, ir, label, ...facts }: Sample,
  { width, height }: Size,
  fill: (image: Pixels, channels: number, out: Pixels) => void,
  from: Int32Array,
): Sample {
  const count = width * height;
  const filled = <P extends Pixels>(image: P, channels: number, out: P): P => {
    fill(image, channels, out);
    return out;
  };
  const taken = <P extends Pixels>(image: P, outside: number, out: P): P => {
    for (let i = 0; i < count; i++) out[i] = from[i] === OUTSIDE ? outside : image[from[i]!]!;
    return out;
  };
  return {
    ...facts,
    width,
    height,
    rgb: filled(rgb, 3, new Uint8Array(3 * count)),
    depth: taken(depth, 0, new Uint16Array(count)),
    ...(ir && { ir: filled(ir, 1, new Uint16Array(count)) }),
    ...(label && { label: taken(label, IGNORED, new Uint8Array(count)) }),
  };
}

/** For each output pixel, `count` input pixels and their weights, which add up to 1. */
interface Taps {
  count: number;
  index: Int32Array;
  weight: Float64Array;
}

/** The taps of a triangle as wide as an output pixel, at least as an input pixel, for outputs first .. first+length-1. */
function linearTaps(input: number, output: number, first: number, length: number): Taps {
  const step = input / output;
  const reach = Math.max(1, step);
  const count = Math.ceil(2 * reach);
  const index = new Int32Array(length * count);
  const weight = new Float64Array(length * count);
  for (let i = 0; i < length; i++) {
    const centre = (first + i + 0.5) * step;
    const start = Math.floor(centre - reach + 0.5);
    let total = 0;
    for (let tap = 0; tap < count; tap++) {
      const at = start + tap;
      const share = 1 - Math.abs(at + 0.5 - centre) / reach;
      const inside = at >= 0 && at < input && share > 0;
      index[i * count + tap] = Math.min(Math.max(at, 0), input - 1);
      weight[i * count + tap] = inside ? share : 0;
      total += weight[i * count + tap]!;
    }
    for (let tap = 0; tap < count; tap++) weight[i * count + tap] /= total;
  }
  return { count, index, weight };
}

/** The input pixel that the centre of each output pixel lies in. */
function nearest(input: number, output: number, first: number, length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => Math.floor(((first + i + 0.5) * input) / output));
}

/** Filters along the rows that are needed, then across them. */
function filter(image: Pixels, width: number, channels: number, columns: Taps, rows: Taps, out: Pixels): void {
  const stride = (channels * columns.index.length) / columns.count;
  const top = rows.index[0]!;
  const kept = rows.index.at(-1)! - top + 1;
  const lines = new Float64Array(kept * stride);
  const { index, weight, count } = columns;
  for (let line = 0, to = 0; line < kept; line++) {
    const start = (top + line) * width;
    for (let first = 0; first < index.length; first += count, to += channels) {
      for (let tap = first; tap < first + count; tap++) {
        const share = weight[tap]!;
        const from = channels * (start + index[tap]!);
        for (let k = 0; k < channels; k++) lines[to + k]! += share * image[from + k]!;
      }
    }
  }
  const sum = new Float64Array(stride);
  for (let first = 0, to = 0; first < rows.index.length; first += rows.count, to += stride) {
    sum.fill(0.5);
    for (let tap = first; tap < first + rows.count; tap++) {
      const share = rows.weight[tap]!;
      const line = (rows.index[tap]! - top) * stride;
      for (let i = 0; i < stride; i++) sum[i]! += share * lines[line + i]!;
    }
    for (let i = 0; i < stride; i++) out[to + i] = Math.floor(sum[i]!);
  }
}
