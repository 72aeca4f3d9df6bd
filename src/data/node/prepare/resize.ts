import type { Image } from "../../png.ts";

/** Pixels of a row and rows. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The cells of a line of `from` cells that one of `to` cells covers, and how much of each. */
interface Cover {
  readonly begin: number;
  readonly weights: readonly number[];
}

function covers(from: number, to: number): Cover[] {
  return Array.from({ length: to }, (_, i) => {
    const [left, right] = [(i * from) / to, ((i + 1) * from) / to];
    const begin = Math.floor(left);
    const end = Math.max(begin + 1, Math.min(from, Math.ceil(right)));
    const overlap = (cell: number) => Math.min(cell + 1, right) - Math.max(cell, left);
    const weights = Array.from({ length: end - begin }, (_, k) => overlap(begin + k) / (right - left));
    return { begin, weights };
  });
}

/** Resizes a colour image [height, width, 3] by the mean over the area that each new pixel covers. */
export function resizeArea(image: Image, { width, height }: Size): Image {
  if (image.width === width && image.height === height) return image;
  const rows = covers(image.height, height);
  const columns = covers(image.width, width);
  const data = new Uint8Array(3 * width * height);
  const line = new Float64Array(3 * image.width);
  for (const [y, row] of rows.entries()) {
    line.fill(0);
    for (const [k, weight] of row.weights.entries()) {
      const from = 3 * image.width * (row.begin + k);
      for (let i = 0; i < line.length; i++) line[i] += weight * image.data[from + i];
    }
    for (const [x, { begin, weights }] of columns.entries()) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * line[3 * (begin + k) + channel];
        data[3 * (y * width + x) + channel] = Math.round(sum);
      }
    }
  }
  return { width, height, data };
}

/** Resizes a map [height, width] by taking the pixel under each new pixel's centre: no two values are ever mixed. */
export function resizeNearest<T extends Uint8Array | Uint16Array>(image: Image<T>, { width, height }: Size): Image<T> {
  if (image.width === width && image.height === height) return image;
  const data = image.data.slice(0, 0).constructor as new (length: number) => T;
  const out = new data(width * height);
  for (let y = 0; y < height; y++) {
    const from = image.width * Math.floor(((y + 0.5) * image.height) / height);
    for (let x = 0; x < width; x++) {
      out[y * width + x] = image.data[from + Math.floor(((x + 0.5) * image.width) / width)];
    }
  }
  return { width, height, data: out };
}
