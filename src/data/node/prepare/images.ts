import { FormatError } from "../../../tensor/errors.ts";
import { decodeGrey8, decodeGrey16, decodeRgb8, type Image } from "../../png.ts";
import { readPngHeader } from "../../pngChunks.ts";
import { resolveInside } from "../files.ts";
import { readImageFile } from "../images.ts";
import { decodeJpeg, isJpeg } from "./jpeg.ts";
import { readNpy } from "./npy.ts";

/** Where an image lies: a path relative to the source's folder (a real path), and what names it. */
export interface ImagePlace {
  readonly root: string;
  readonly relative: string;
  readonly origin: string;
}

/** Reads a colour image, PNG or JPEG: [height, width, 3]. @throws FormatError | OnestageError naming the file. */
export async function readColour(place: ImagePlace): Promise<Image> {
  const { file, bytes } = await open(place);
  return decodeColour(bytes, file);
}

/** Decodes a colour image, PNG or JPEG: [height, width, 3]. @throws FormatError naming the file. */
export async function decodeColour(bytes: Uint8Array, file: string): Promise<Image> {
  return isJpeg(bytes) ? decodeJpeg(bytes, file) : decodeRgb8(bytes, file);
}

/**
 * Reads a map of counts, [height, width]: a 16-bit grey PNG, or where `eightBit` allows it an 8-bit PNG or a JPEG, of
 * whose colours the mean is taken.
 * @throws FormatError | OnestageError naming the file.
 */
export async function readCounts(place: ImagePlace, eightBit: boolean): Promise<Image<Uint8Array | Uint16Array>> {
  const { file, bytes } = await open(place);
  return eightBit ? decodeCounts(bytes, file) : decodeGrey16(bytes, file);
}

/**
 * Decodes a map of counts, [height, width]: a PNG of 8 or 16 bits or a JPEG; of colours the mean is taken.
 * @throws FormatError naming the file.
 */
export async function decodeCounts(bytes: Uint8Array, file: string): Promise<Image<Uint8Array | Uint16Array>> {
  if (isJpeg(bytes)) return greyOf(await decodeJpeg(bytes, file));
  return readPngHeader(bytes, file).bits === 16 ? decodeGrey16(bytes, file) : greyOf(decodeRgb8(bytes, file));
}

/** Metres beyond which a computed depth is taken for an error, as ESANet's loader of Cityscapes takes it. */
const MAX_METRES = 300;

/**
 * Reads a depth map as the ESANet layout has it: a 16-bit PNG, or a NumPy file of metres, which become centimetres
 * because 16 bits of millimetres would end at 65 m.
 * @throws FormatError | OnestageError naming the file.
 */
export async function readDepthMap(place: ImagePlace): Promise<Image<Uint16Array>> {
  const { file, bytes } = await open(place);
  if (!place.relative.endsWith(".npy")) return decodeGrey16(bytes, file);
  const { width, height, data, float } = readNpy(bytes, file);
  if (!float) throw new FormatError(file, "metres as floating-point numbers", "whole numbers");
  const centimetres = (metres: number) => (metres > 0 && metres <= MAX_METRES ? Math.round(100 * metres) : 0);
  return { width, height, data: Uint16Array.from(data, centimetres) };
}

/**
 * Reads a label map in which 0 is void and 1..`classes` are the classes, PNG or NumPy: 255 = ignore and 0..`classes` - 1.
 * @throws FormatError | OnestageError naming the file.
 */
export async function readShiftedLabel(place: ImagePlace, classes: number): Promise<Image> {
  const { file, bytes } = await open(place);
  const { width, height, data } = place.relative.endsWith(".npy") ? readNpy(bytes, file) : decodeGrey8(bytes, file);
  const bad = data.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value <= classes));
  if (bad >= 0) throw new FormatError(file, `labels 0 (void) to ${classes}`, `${data[bad]}`);
  return { width, height, data: Uint8Array.from(data, (value) => (value === 0 ? 255 : value - 1)) };
}

async function open({ root, relative, origin }: ImagePlace): Promise<{ file: string; bytes: Uint8Array }> {
  const file = await resolveInside(root, relative, origin);
  return { file, bytes: await readImageFile(file) };
}

function greyOf({ width, height, data }: Image): Image {
  const mean = (_: unknown, i: number) => Math.round((data[3 * i] + data[3 * i + 1] + data[3 * i + 2]) / 3);
  return { width, height, data: Uint8Array.from({ length: width * height }, mean) };
}
