import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { type HsvShift, shiftHsv } from "./hsv.ts";
import { COLOUR, firstPixel, normaliseColour, type PlainView } from "./normalise.ts";
import { resizeSample, type Size, turnSample } from "./resample.ts";
import type { Sample } from "./sample.ts";

/** What is varied between epochs; geometry is the same for colour, depth, infrared and labels. */
export interface Augmentation {
  /** Side of a random square crop in pixels; 0 keeps the whole image. */
  crop: number;
  /** Rows of the crop where it is not square: `crop` are its columns then, and either is 0 for all there are. */
  cropHeight?: number;
  /**
   * The image is resized by a factor U(low, high) before the crop, [1, 1] by default; never so small that the crop, or
   * without one an image of the original size, does not fit any more. Source: method.md d.1, d.2.
   */
  scale?: readonly [low: number, high: number];
  /**
   * The image is turned by U(-rotation, rotation) degrees around its centre, 0 by default; crops then come from its
   * middle 80 %, which has fewer pixels from outside. Source: method.md d.3.
   */
  rotation?: number;
  /** Whether half of the images are mirrored. */
  flip: boolean;
  /** Brightness, contrast and saturation are each multiplied by U(1 - jitter, 1 + jitter). */
  jitter: number;
  /** Each colour channel is multiplied by U(1 - gain, 1 + gain). */
  gain: number;
  /** Hue and saturation (of HSV) are each multiplied by U(1 - hueSaturation, 1 + hueSaturation), 0 by default. Source: method.md d.1. */
  hueSaturation?: number;
  /** U(-valueShift, valueShift) is added to the value (of HSV), on a scale of 0..255; 0 by default. Source: method.md d.1. */
  valueShift?: number;
}

/** No variation: as at test time. */
export const noAugmentation: Augmentation = { crop: 0, flip: false, jitter: 0, gain: 0 };

/** A window of a sample, and how its colours change: all random choices of one augmentation. */
export interface View extends PlainView {
  /** Extents that the sample is resized to before the window is cut out. */
  canvas: Size;
  /** How far it is turned before that, counter-clockwise. */
  degrees: number;
  brightness: number;
  contrast: number;
  saturation: number;
  gains: readonly [number, number, number];
  /** What is done after all that; null for nothing. */
  hsv: HsvShift | null;
}

// Share of a turned image that crops are taken from.
const TURNED_CANVAS = 0.8;

/** Extents of what an augmentation leaves of an image. */
export function viewSize({ width, height }: Size, { crop, cropHeight }: Augmentation): Size {
  if (cropHeight !== undefined) {
    return { width: Math.min(crop || width, width), height: Math.min(cropHeight || height, height) };
  }
  return crop > 0 && crop < Math.min(width, height) ? { width: crop, height: crop } : { width, height };
}

/** Draws the random choices for one sample; without `rng` the whole image, unchanged. */
export function drawView({ width, height }: Size, augmentation: Augmentation, rng: Rng | null): View {
  if (!rng) {
    const whole = { x: 0, y: 0, width, height, canvas: { width, height }, degrees: 0, mirrored: false };
    return { ...whole, brightness: 1, contrast: 1, saturation: 1, gains: [1, 1, 1], hsv: null };
  }
  const { flip, jitter, gain, rotation = 0 } = augmentation;
  const size = viewSize({ width, height }, augmentation);
  const canvas = drawCanvas({ width, height }, size, augmentation, rng);
  // Every choice is drawn whatever the settings, or from a stream of its own, so that one setting does not shift the
  // others' numbers.
  const place = (whole: number, part: number) => {
    const room = rotation > 0 ? Math.max(part, Math.floor(whole * TURNED_CANVAS)) : whole;
    return Math.floor((whole - room) / 2) + rng.int(room - part + 1);
  };
  const x = place(canvas.width, size.width);
  const y = place(canvas.height, size.height);
  const mirrored = rng.bernoulli(0.5) && flip;
  const around = (spread: number) => rng.uniform(1 - spread, 1 + spread);
  const [brightness, contrast, saturation] = [around(jitter), around(jitter), around(jitter)];
  return {
    ...size,
    x,
    y,
    canvas,
    degrees: rotation > 0 ? rng.fork("rotation").uniform(-rotation, rotation) : 0,
    mirrored,
    brightness,
    contrast,
    saturation,
    gains: [around(gain), around(gain), around(gain)],
    hsv: drawHsv(augmentation, rng),
  };
}

function drawCanvas(whole: Size, crop: Size, { scale: [low, high] = [1, 1] }: Augmentation, rng: Rng): Size {
  if (low === 1 && high === 1) return whole;
  const drawn = rng.fork("scale").uniform(low, high);
  const factor = Math.max(drawn, crop.width / whole.width, crop.height / whole.height);
  const resized = (of: number, least: number) => Math.max(least, Math.floor(of * factor + 0.5));
  return { width: resized(whole.width, crop.width), height: resized(whole.height, crop.height) };
}

function drawHsv({ hueSaturation = 0, valueShift = 0 }: Augmentation, rng: Rng): HsvShift | null {
  if (hueSaturation === 0 && valueShift === 0) return null;
  const own = rng.fork("hsv");
  const factor = () => own.uniform(1 - hueSaturation, 1 + hueSaturation);
  return { hue: factor(), saturation: factor(), value: own.uniform(-valueShift, valueShift) / 255 };
}

/** Resizes and turns a sample as a view says: what remains is a view onto the result. */
export function placeSample(sample: Sample, view: View): { sample: Sample; view: View } {
  const { canvas, degrees, width, height } = view;
  const resized = canvas.width !== sample.width || canvas.height !== sample.height;
  if (!resized && degrees === 0) return { sample, view };
  const placed = degrees === 0 ? resizeSample(sample, canvas, view) : turned();
  return { sample: placed, view: { ...view, x: 0, y: 0, canvas: { width, height }, degrees: 0 } };

  function turned(): Sample {
    const whole = { x: 0, y: 0, ...canvas };
    return turnSample(resized ? resizeSample(sample, canvas, whole) : sample, degrees, view);
  }
}

/** Writes a view's colours into `out` at `offset`, [height,width,3], normalised by ImageNet's mean and deviation. */
export function writeColour(sample: Sample, view: View, out: Float32Array, offset: number): void {
  const { brightness, contrast, saturation, gains, hsv } = view;
  const jittered = brightness !== 1 || contrast !== 1 || saturation !== 1 || gains.some((gain) => gain !== 1);
  if (!jittered && !hsv) {
    normaliseColour(sample, view, out, offset);
    return;
  }
  const { rgb, width } = sample;
  const grey = jittered ? meanGrey(sample, view) * brightness : 0;
  // What depends on one channel alone is looked up.
  const level = Float64Array.from({ length: 256 }, (_, byte) =>
    jittered ? clip((clip((byte / 255) * brightness) - grey) * contrast + grey) : byte / 255,
  );
  const pixel = new Float64Array(3);
  const step = view.mirrored ? -3 : 3;
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    let from = 3 * firstPixel(view, width, row);
    for (let column = 0; column < view.width; column++) {
      let r = level[rgb[from]!]!;
      let g = level[rgb[from + 1]!]!;
      let b = level[rgb[from + 2]!]!;
      if (jittered) {
        const luma = 0.299 * r + 0.587 * g + 0.114 * b;
        r = clip(((r - luma) * saturation + luma) * gains[0]);
        g = clip(((g - luma) * saturation + luma) * gains[1]);
        b = clip(((b - luma) * saturation + luma) * gains[2]);
      }
      if (hsv) {
        pixel[0] = r;
        pixel[1] = g;
        pixel[2] = b;
        shiftHsv(pixel, hsv);
        r = pixel[0]!;
        g = pixel[1]!;
        b = pixel[2]!;
      }
      out[to] = (r - COLOUR.mean[0]) / COLOUR.std[0];
      out[to + 1] = (g - COLOUR.mean[1]) / COLOUR.std[1];
      out[to + 2] = (b - COLOUR.mean[2]) / COLOUR.std[2];
      to += 3;
      from += step;
    }
  }
}

/** Writes a view's pixel classes into `out` at `offset`, [height,width]. @throws UsageError if the sample has none. */
export function writeLabel({ name, label, width }: Sample, view: View, out: Uint32Array, offset: number): void {
  if (!label) throw new UsageError(`${name}: expected pixel classes, got none`);
  const step = view.mirrored ? -1 : 1;
  let to = offset;
  for (let row = 0; row < view.height; row++) {
    let from = firstPixel(view, width, row);
    for (let column = 0; column < view.width; column++) {
      out[to++] = label[from]!;
      from += step;
    }
  }
}

function meanGrey({ rgb, width }: Sample, view: View): number {
  let total = 0;
  for (let row = view.y; row < view.y + view.height; row++) {
    let at = 3 * (row * width + view.x);
    for (let column = 0; column < view.width; column++, at += 3) {
      total += 0.299 * rgb[at]! + 0.587 * rgb[at + 1]! + 0.114 * rgb[at + 2]!;
    }
  }
  return total / (255 * view.width * view.height);
}

function clip(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
