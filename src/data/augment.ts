import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Sample } from "./sample.ts";

/** What is varied between epochs; geometry is the same for colour, depth and labels. */
export interface Augmentation {
  /** Side of a random square crop in pixels; 0 keeps the whole image. */
  crop: number;
  /** Whether half of the images are mirrored. */
  flip: boolean;
  /** Brightness, contrast and saturation are each multiplied by U(1 - jitter, 1 + jitter). */
  jitter: number;
  /** Each colour channel is multiplied by U(1 - gain, 1 + gain). */
  gain: number;
}

/** No variation: as at test time. */
export const noAugmentation: Augmentation = { crop: 0, flip: false, jitter: 0, gain: 0 };

/** A window of a sample, and how its colours change: all random choices of one augmentation. */
export interface View {
  x: number;
  y: number;
  width: number;
  height: number;
  mirrored: boolean;
  brightness: number;
  contrast: number;
  saturation: number;
  gains: readonly [number, number, number];
}

/** Draws the random choices for one sample; without `rng` the whole image, unchanged. */
export function drawView({ width, height }: Sample, { crop, flip, jitter, gain }: Augmentation, rng: Rng | null): View {
  const whole = { x: 0, y: 0, width, height, mirrored: false, brightness: 1, contrast: 1, saturation: 1 };
  if (!rng) return { ...whole, gains: [1, 1, 1] };
  const cropped = crop > 0 && crop < Math.min(width, height);
  const size = cropped ? { width: crop, height: crop } : { width, height };
  // Every choice is drawn whatever the settings, so that one setting does not shift the others' numbers.
  const x = rng.int(width - size.width + 1);
  const y = rng.int(height - size.height + 1);
  const mirrored = rng.bernoulli(0.5) && flip;
  const around = (spread: number) => rng.uniform(1 - spread, 1 + spread);
  const [brightness, contrast, saturation] = [around(jitter), around(jitter), around(jitter)];
  return {
    ...size,
    x,
    y,
    mirrored,
    brightness,
    contrast,
    saturation,
    gains: [around(gain), around(gain), around(gain)],
  };
}

/** Mean and standard deviation of ImageNet colours in 0..1. */
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;

/** Writes a view's colours into `out` at `offset`, [height,width,3], normalised by ImageNet's mean and deviation. */
export function writeColour(sample: Sample, view: View, out: Float32Array, offset: number): void {
  const { rgb, width } = sample;
  const { brightness, contrast, saturation, gains } = view;
  const plain = brightness === 1 && contrast === 1 && saturation === 1 && gains.every((gain) => gain === 1);
  const grey = plain ? 0 : meanGrey(sample, view) * brightness;
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    for (let column = 0; column < view.width; column++) {
      const from = 3 * ((view.y + row) * width + view.x + (view.mirrored ? view.width - 1 - column : column));
      let r = rgb[from]! / 255;
      let g = rgb[from + 1]! / 255;
      let b = rgb[from + 2]! / 255;
      if (!plain) {
        const contrasted = (value: number) => clip((clip(value * brightness) - grey) * contrast + grey);
        r = contrasted(r);
        g = contrasted(g);
        b = contrasted(b);
        const luma = 0.299 * r + 0.587 * g + 0.114 * b;
        r = clip(((r - luma) * saturation + luma) * gains[0]);
        g = clip(((g - luma) * saturation + luma) * gains[1]);
        b = clip(((b - luma) * saturation + luma) * gains[2]);
      }
      out[to++] = (r - MEAN[0]) / STD[0];
      out[to++] = (g - MEAN[1]) / STD[1];
      out[to++] = (b - MEAN[2]) / STD[2];
    }
  }
}

/** How metres become network input: (metres - mean) / std. */
export interface DepthScale {
  mean: number;
  std: number;
}

/** Writes a view's depth into `out` at `offset`, [height,width,1], normalised; missing pixels become 0, the mean. */
export function writeDepth(
  sample: Sample,
  view: View,
  { mean, std }: DepthScale,
  out: Float32Array,
  offset: number,
): void {
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    for (let column = 0; column < view.width; column++) {
      const from = (view.y + row) * sample.width + view.x + (view.mirrored ? view.width - 1 - column : column);
      const millimetres = sample.depth[from]!;
      out[to++] = millimetres === 0 ? 0 : (millimetres / 1000 - mean) / std;
    }
  }
}

/** Writes a view's pixel classes into `out` at `offset`, [height,width]. @throws UsageError if the sample has none. */
export function writeLabel({ name, label, width }: Sample, view: View, out: Uint32Array, offset: number): void {
  if (!label) throw new UsageError(`${name}: expected pixel classes, got none`);
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    for (let column = 0; column < view.width; column++) {
      out[to++] = label[(view.y + row) * width + view.x + (view.mirrored ? view.width - 1 - column : column)]!;
    }
  }
}

function meanGrey({ rgb, width }: Sample, view: View): number {
  let total = 0;
  for (let row = view.y; row < view.y + view.height; row++) {
    for (let column = view.x; column < view.x + view.width; column++) {
      const at = 3 * (row * width + column);
      total += 0.299 * rgb[at]! + 0.587 * rgb[at + 1]! + 0.114 * rgb[at + 2]!;
    }
  }
  return total / (255 * view.width * view.height);
}

function clip(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
