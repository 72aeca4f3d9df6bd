import { decodeGrey8, decodeGrey16, decodeRgb8, type Image } from "../png.ts";
import { readPngHeader } from "../pngChunks.ts";
import { readWholeFile } from "./files.ts";

/** Largest image file that is read: twice the raw bytes of the largest image that is decoded. */
const MAX_FILE_BYTES = 2 ** 27;

/**
 * Reads a colour image for prediction: [height, width, 3], 0 to 255.
 * @throws FormatError when the file is no 8-bit PNG or damaged.
 * @throws OnestageError when it cannot be read.
 */
export async function readRgb(file: string): Promise<Image> {
  return decodeRgb8(await readImageFile(file), file);
}

/**
 * Reads a depth map for prediction: [height, width] in millimetres, 0 = missing.
 * @throws FormatError when the file is no 16-bit grey PNG or damaged.
 * @throws OnestageError when it cannot be read.
 */
export async function readDepth(file: string): Promise<Image<Uint16Array>> {
  return decodeGrey16(await readImageFile(file), file);
}

/**
 * Reads an infrared image for prediction: [height, width], in the sensor's counts, of 8 or 16 bits.
 * @throws FormatError when the file is no grey PNG or damaged.
 * @throws OnestageError when it cannot be read.
 */
export async function readInfrared(file: string): Promise<Image<Uint16Array>> {
  const bytes = await readImageFile(file);
  if (readPngHeader(bytes, file).bits === 16) return decodeGrey16(bytes, file);
  const image = decodeGrey8(bytes, file);
  return { ...image, data: Uint16Array.from(image.data) };
}

/**
 * Reads a label map: [height, width], class indices.
 * @throws FormatError when the file is no 8-bit grey or palette PNG, or damaged.
 * @throws OnestageError when it cannot be read.
 */
export async function readLabel(file: string): Promise<Image> {
  return decodeGrey8(await readImageFile(file), file);
}

/** Bytes of an image file of at most 128 MiB. @throws FormatError @throws OnestageError */
export function readImageFile(file: string): Promise<Uint8Array> {
  return readWholeFile(file, MAX_FILE_BYTES);
}
