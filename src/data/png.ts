import { convertIndexedToRgb, decode, encode } from "fast-png";
import { FormatError } from "../tensor/errors.ts";
import { assemblePng, type PngHeader, readPngHeader, readPngParts } from "./pngChunks.ts";

/** A decoded image: row-major pixels, channels interleaved. */
export interface Image<Data extends Uint8Array | Uint16Array = Uint8Array> {
  readonly width: number;
  readonly height: number;
  readonly data: Data;
}

/**
 * Decodes a colour image to [height, width, 3]: 8-bit RGB, RGBA (alpha is dropped), grey (repeated) or palette.
 * @throws FormatError when the bytes are anything else, damaged, or inflate to more than their header declares.
 */
export function decodeRgb8(bytes: Uint8Array, file: string): Image {
  const header = readPngHeader(bytes, file);
  const { width, height, bits, colour, interlaced } = header;
  const palette = colour === 3;
  if (palette ? bits < 8 && interlaced : bits !== 8) throw wrongKind(file, "an 8-bit RGB PNG", header);
  const { data, channels } = decodeChecked(bytes, header, file, palette);
  if (channels === 3) return { width, height, data: data as Uint8Array };
  const rgb = new Uint8Array(width * height * 3);
  // Grey (with or without alpha) has one colour sample, which serves all three channels.
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + green];
    rgb[to + 2] = data[from + blue];
  }
  return { width, height, data: rgb };
}

/**
 * Decodes a depth map to [height, width]: a 16-bit grey PNG in millimetres, 0 = missing.
 * @throws FormatError when the bytes are anything else, damaged, or inflate to more than their header declares.
 */
export function decodeGrey16(bytes: Uint8Array, file: string): Image<Uint16Array> {
  const header = readPngHeader(bytes, file);
  const { width, height, bits, colour } = header;
  if (bits !== 16 || colour !== 0) throw wrongKind(file, "a 16-bit grey PNG (millimetres)", header);
  return { width, height, data: decodeChecked(bytes, header, file, false).data as Uint16Array };
}

/**
 * Decodes a label map to [height, width]: 8-bit grey, or the indices of an 8-bit palette.
 * @throws FormatError when the bytes are anything else, damaged, or inflate to more than their header declares.
 */
export function decodeGrey8(bytes: Uint8Array, file: string): Image {
  const header = readPngHeader(bytes, file);
  const { width, height, bits, colour } = header;
  if (bits !== 8 || (colour !== 0 && colour !== 3)) {
    throw wrongKind(file, "an 8-bit grey or palette PNG (class indices)", header);
  }
  return { width, height, data: decodeChecked(bytes, header, file, false).data as Uint8Array };
}

/**
 * Encodes an image as PNG; the number of channels (1 grey, 3 RGB, 4 RGBA) follows from the size of the data, the bit
 * depth (8 or 16) from its type.
 */
export function encodePng({ width, height, data }: Image<Uint8Array | Uint16Array>): Uint8Array {
  const channels = data.length / (width * height);
  return encode({ width, height, data, channels, depth: data instanceof Uint16Array ? 16 : 8 });
}

/**
 * Hands the decoder a minimal file of the checked parts, so that it never meets a profile, a text or a frame to inflate.
 * The scan lines go in as stored blocks: they are inflated already, and what is left is undoing filters and interlace.
 */
function decodeChecked(bytes: Uint8Array, header: PngHeader, file: string, toRgb: boolean) {
  const { ihdr, palette, scanLines } = readPngParts(bytes, header, file);
  const chunks: [string, Uint8Array][] = [["IHDR", ihdr]];
  if (palette) chunks.push(["PLTE", palette]);
  chunks.push(["IDAT", storedZlib(scanLines)], ["IEND", new Uint8Array(0)]);
  try {
    const image = decode(assemblePng(chunks));
    return toRgb ? { data: convertIndexedToRgb(image), channels: 3 } : image;
  } catch (error) {
    throw new FormatError(file, "intact image data", (error as Error).message);
  }
}

/** A zlib stream of uncompressed blocks; its checksum stays zero, because the decoder does not look. Source: RFC 1951, 3.2.4. */
function storedZlib(data: Uint8Array): Uint8Array {
  const blockBytes = 0xffff;
  const blocks = Math.ceil(data.length / blockBytes);
  const out = new Uint8Array(2 + blocks * 5 + data.length + 4);
  out.set([0x78, 0x01]);
  const view = new DataView(out.buffer);
  let at = 2;
  for (let from = 0; from < data.length; from += blockBytes) {
    const block = data.subarray(from, from + blockBytes);
    out[at] = from + blockBytes >= data.length ? 1 : 0;
    view.setUint16(at + 1, block.length, true);
    view.setUint16(at + 3, ~block.length, true);
    out.set(block, at + 5);
    at += 5 + block.length;
  }
  return out;
}

function wrongKind(file: string, expected: string, { bits, colour }: PngHeader): FormatError {
  const names: Readonly<Record<number, string>> = { 0: "grey", 2: "RGB", 3: "palette", 4: "grey + alpha", 6: "RGBA" };
  return new FormatError(file, expected, `${bits}-bit ${names[colour]}`);
}
