import { UsageError } from "../tensor/errors.ts";
import type { Window } from "./resample.ts";
import type { Sample } from "./sample.ts";

/** A window of an image, mirrored or not. */
export interface PlainView extends Window {
  mirrored: boolean;
}

/** Mean and standard deviation of ImageNet's red, green and blue in 0..1. */
export const COLOUR = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Writes a view's colours into `out` at `offset`, [height,width,3], normalised by ImageNet's mean and deviation. */
export function normaliseColour(
  { rgb, width }: Pick<Sample, "rgb" | "width">,
  view: PlainView,
  out: Float32Array,
  offset: number,
): void {
  const { mean, std } = COLOUR;
  // All that there can be is looked up.
  const normalised = Float32Array.from({ length: 3 * 256 }, (_, i) => ((i & 255) / 255 - mean[i >> 8]!) / std[i >> 8]!);
  const step = view.mirrored ? -3 : 3;
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    let from = 3 * firstPixel(view, width, row);
    for (let column = 0; column < view.width; column++) {
      out[to] = normalised[rgb[from]!]!;
      out[to + 1] = normalised[256 + rgb[from + 1]!]!;
      out[to + 2] = normalised[512 + rgb[from + 2]!]!;
      to += 3;
      from += step;
    }
  }
}

/** How what was measured becomes network input: (value - mean) / std. */
export interface DepthScale {
  mean: number;
  std: number;
}

// What a pixel that has exactly the mean depth becomes: not 0, but nothing that a network could tell from it.
const MEAN_DEPTH = 1e-18;

/**
 * Writes a view's depth into `out` at `offset`, [height,width,1], normalised. A missing pixel becomes 0, which is what
 * networks are shown for the mean, and **0 always means missing**: a pixel that is there and normalises to 0 becomes
 * 1e-18 instead, so that a loss on depth can leave out what was not measured (1e-18 is lost if the map is kept as f16:
 * the mask must be taken from the input itself).
 */
export function writeDepth(
  { depth, width }: Pick<Sample, "depth" | "width">,
  view: PlainView,
  { mean, std }: DepthScale,
  out: Float32Array,
  offset: number,
): void {
  writePlane(depth, width, view, out, offset, (millimetres) =>
    millimetres === 0 ? 0 : (millimetres / 1000 - mean) / std || MEAN_DEPTH,
  );
}

/** Writes a view's infrared into `out` at `offset`, [height,width,1], normalised. @throws UsageError if the sample has none. */
export function writeInfrared(
  { name, ir, width }: Pick<Sample, "name" | "ir" | "width">,
  view: PlainView,
  { mean, std }: DepthScale,
  out: Float32Array,
  offset: number,
): void {
  if (!ir) throw new UsageError(`${name}: expected infrared, got none`);
  writePlane(ir, width, view, out, offset, (count) => (count - mean) / std);
}

/** Writes a view of an image of one channel, `width` wide, into `out` at `offset`, as the network is shown each of its values. */
function writePlane(
  image: Uint16Array,
  width: number,
  view: PlainView,
  out: Float32Array,
  offset: number,
  shown: (value: number) => number,
): void {
  const step = view.mirrored ? -1 : 1;
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    let from = firstPixel(view, width, row);
    for (let column = 0; column < view.width; column++) {
      out[to++] = shown(image[from]!);
      from += step;
    }
  }
}

/** Index of the pixel of an image `width` wide that a row of a view begins with. */
export function firstPixel(view: PlainView, width: number, row: number): number {
  return (view.y + row) * width + view.x + (view.mirrored ? view.width - 1 : 0);
}
