import { DECLARED_WITHIN, declaredSize } from "../data/imageSize.ts";
import { fitSample, type Size } from "../data/resample.ts";
import { FormatError, UsageError } from "../tensor/errors.ts";
import type { Image } from "./network.ts";

/** What holds a picture in a page or in a worker. */
export type PixelSource =
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | VideoFrame
  | ImageData
  | Blob;

/** Most pixels that a side of a picture may have. */
export const MAX_SIDE = 4096;

// Most bytes of a picture's file, as where files are read from a disk.
const MAX_BYTES = 2 ** 27;

// The numbers of the file, neither matched to a screen nor multiplied by their opacity.
const AS_STORED: ImageBitmapOptions = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/**
 * The pixels of a picture in a page or in a worker: [height,width,3], red, green, blue, 0 to 255; of a video, the frame that
 * it shows. What is transparent is laid over white. With a size, it is cut to those proportions around its middle and resized
 * as onestage resizes everywhere, to the same bits on every machine.
 * @throws FormatError if the picture is damaged, not there yet, of another site, or of more than 4096 pixels a side, which is
 * looked up in files of PNG, JPEG, GIF and WebP before they are decoded.
 * @throws UsageError if there is no picture in what is given.
 */
export async function readPixels(source: PixelSource, size?: Size): Promise<Image<Uint8Array>> {
  if (size && ![size.width, size.height].every((extent) => Number.isInteger(extent) && extent > 0)) {
    throw new UsageError(`readPixels: expected extents in whole pixels, got ${size.width}x${size.height}`);
  }
  const image = overWhite(await rgbaOf(source));
  if (!size) return image;
  const depth = new Uint16Array(image.width * image.height);
  const { width, height, rgb } = fitSample({ name: "image", ...image, rgb: image.data, depth }, size);
  return { width, height, data: rgb };
}

type Rgba = Image<Uint8ClampedArray>;

/** Four numbers for each pixel, opacity last. */
async function rgbaOf(source: PixelSource): Promise<Rgba> {
  // By name, since a worker has no classes of elements, and another window has classes of its own.
  const kind = Object.prototype.toString.call(source).slice(8, -1);
  switch (kind) {
    case "Blob":
    case "File":
      return rgbaOfBlob(source as Blob, (source as File).name ?? "Blob");
    case "HTMLImageElement": {
      const element = source as HTMLImageElement;
      await element.decode().catch((error) => {
        throw refused(kind, error);
      });
      checkSize(kind, { width: element.naturalWidth, height: element.naturalHeight });
      return drawnBitmap(kind, element);
    }
    case "HTMLVideoElement": {
      const { videoWidth, videoHeight, readyState } = source as HTMLVideoElement;
      if (readyState < 2) throw new FormatError(kind, "a video that has a frame to show", "one that has none yet");
      return drawn(kind, source as HTMLVideoElement, { width: videoWidth, height: videoHeight });
    }
    case "VideoFrame": {
      const { displayWidth, displayHeight } = source as VideoFrame;
      return drawn(kind, source as VideoFrame, { width: displayWidth, height: displayHeight });
    }
    case "ImageBitmap":
    case "HTMLCanvasElement":
    case "OffscreenCanvas":
      return drawn(kind, source as ImageBitmap | OffscreenCanvas, source as Size);
    case "ImageData": {
      const { width, height, data } = source as ImageData;
      checkSize(kind, { width, height });
      if (!(data instanceof Uint8ClampedArray)) throw new FormatError(kind, "8 bits a number", data);
      return { width, height, data };
    }
  }
  throw new UsageError(`readPixels: expected an image, a video, a canvas, a frame, ImageData or a Blob, got ${kind}`);
}

async function rgbaOfBlob(blob: Blob, name: string): Promise<Rgba> {
  if (blob.size > MAX_BYTES) throw new FormatError(name, `a picture of at most ${MAX_BYTES} bytes`, `${blob.size}`);
  const start = await blob
    .slice(0, DECLARED_WITHIN)
    .arrayBuffer()
    .catch((error) => {
      throw refused(name, error);
    });
  const declared = declaredSize(new Uint8Array(start));
  if (declared) checkSize(name, declared);
  return drawnBitmap(name, blob);
}

/** Decoded anew, so that the numbers are those of the file. */
async function drawnBitmap(name: string, source: Blob | HTMLImageElement): Promise<Rgba> {
  const bitmap = await createImageBitmap(source, AS_STORED).catch((error) => {
    throw refused(name, error);
  });
  try {
    return drawn(name, bitmap, bitmap);
  } finally {
    bitmap.close();
  }
}

/** Drawn in its own size: a canvas would resize by a filter of the browser's. */
function drawn(name: string, source: CanvasImageSource, { width, height }: Size): Rgba {
  checkSize(name, { width, height });
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  try {
    context!.drawImage(source, 0, 0, width, height);
    return { width, height, data: context!.getImageData(0, 0, width, height).data };
  } catch (error) {
    throw refused(name, error);
  }
}

function checkSize(name: string, { width, height }: Size): void {
  if (width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE) return;
  throw new FormatError(name, `a picture of 1 to ${MAX_SIDE} pixels a side`, `${width}x${height}`);
}

/** What a browser says about a picture that it does not decode, or not show to this page. */
function refused(name: string, error: unknown): FormatError {
  const foreign = (error as Error).name === "SecurityError";
  const expected = foreign
    ? "a picture that this page may read (one of its own, or sent with CORS)"
    : "a whole picture";
  return new FormatError(name, expected, `${(error as Error).message ?? error}`);
}

function overWhite({ width, height, data: rgba }: Rgba): Image<Uint8Array> {
  const data = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const opacity = rgba[from + 3]!;
    for (let k = 0; k < 3; k++) {
      const value = rgba[from + k]!;
      data[to + k] = opacity === 255 ? value : Math.round((value * opacity + 255 * (255 - opacity)) / 255);
    }
  }
  return { width, height, data };
}
