import type { FeatureMaps } from "../../src/infer/index.ts";
import type { Image } from "../../src/infer/network.ts";
import { depthToRgb, featureToRgb } from "../../src/report/image.ts";
import { labelsToRgb } from "../../src/report/labels.ts";
import type { DemoRestored, Raster } from "../demo/types.ts";

/** Channels that are shown one by one. */
const CHANNELS = 4;

// How strongly the colours of classes cover the picture.
const COVER = 0.62;

/** Red, green and blue, [height,width,3], as a canvas takes them. */
export function raster({ width, height, data }: Image<ArrayLike<number>>): Raster {
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let k = 0; k < 3; k++) rgba[4 * pixel + k] = data[3 * pixel + k]!;
  }
  return { width, height, data: rgba };
}

/** A depth map in colours, near bright and far dark, and its range in metres. */
export function depthRaster({ width, height, data }: Image<Uint16Array>): { raster: Raster; range: [number, number] } {
  const known = data.filter((value) => value !== 0);
  const [near, far] = [Math.min(...known), Math.max(...known)];
  return { raster: raster({ width, height, data: depthToRgb(data, width, height) }), range: [near / 1000, far / 1000] };
}

/** A picture under the colours of its pixels' classes, and the share of it that each class covers. */
export function labelRaster(picture: Raster, { width, height, data }: Image<ArrayLike<number>>, classes: number) {
  const shares = new Array<number>(classes).fill(0);
  for (let i = 0; i < data.length; i++) if (data[i]! < classes) shares[data[i]!]! += 1 / data.length;
  const colours = labelsToRgb(data);
  const under = new Uint8ClampedArray(picture.data);
  for (let y = 0; y < picture.height; y++) {
    const row = Math.floor((y * height) / picture.height) * width;
    for (let x = 0; x < picture.width; x++) {
      const pixel = 4 * (y * picture.width + x);
      const cell = 3 * (row + Math.floor((x * width) / picture.width));
      for (let k = 0; k < 3; k++) under[pixel + k] = (1 - COVER) * under[pixel + k]! + COVER * colours[cell + k]!;
    }
  }
  return { raster: { ...picture, data: under }, shares };
}

/** A map of features in colours: the mean over its channels, and those channels that vary most over the picture. */
export function restoredRasters({ width, height, channels, data }: FeatureMaps): DemoRestored {
  const cells = width * height;
  const mean = new Float32Array(cells);
  const variances = new Float64Array(channels);
  const planes = Array.from({ length: channels }, (_, channel) => {
    const plane = Float32Array.from({ length: cells }, (_, cell) => data[cell * channels + channel]!);
    const average = plane.reduce((sum, value) => sum + value, 0) / cells;
    variances[channel] = plane.reduce((sum, value) => sum + (value - average) ** 2, 0);
    for (const [cell, value] of plane.entries()) mean[cell]! += value / channels;
    return plane;
  });
  const strongest = [...planes.keys()].sort((a, b) => variances[b]! - variances[a]!).slice(0, CHANNELS);
  const coloured = (plane: Float32Array) => raster({ width, height, data: featureToRgb(plane, height, width) });
  return {
    ...{ width, height, channels, mean: coloured(mean) },
    strongest: strongest.map((channel) => ({ channel, raster: coloured(planes[channel]!) })),
  };
}
