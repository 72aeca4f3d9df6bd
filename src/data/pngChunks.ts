import { Unzlib } from "fflate";
import { FormatError } from "../tensor/errors.ts";

/** Pixels of the largest image that is decoded: 16.8 million, above a 12-megapixel camera. */
export const MAX_PIXELS = 2 ** 24;

/** Most chunks a file may have: far more than any encoder writes, and few enough to list. */
const MAX_CHUNKS = 2 ** 16;

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Samples per pixel of each PNG colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Origin and step of the seven Adam7 passes: x, y, x step, y step. Source: PNG specification, 8.2. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** What an IHDR chunk declares; `colour` is the PNG colour type: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly colour: number;
  readonly interlaced: boolean;
}

/** What decides the pixels, checked: IHDR, at most one palette, and the inflated scan lines, still filtered. */
export interface PngParts {
  readonly ihdr: Uint8Array;
  readonly palette?: Uint8Array;
  readonly scanLines: Uint8Array;
}

/**
 * Reads signature and IHDR only.
 * @throws FormatError when the bytes are no PNG, or declare no image or one above 16.8 million pixels.
 */
export function readPngHeader(bytes: Uint8Array, file: string): PngHeader {
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) {
    throw new FormatError(file, "a PNG file", bytes.length === 0 ? "an empty file" : describeStart(bytes));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 33 || view.getUint32(8) !== 13 || chunkType(view, 12) !== "IHDR") {
    throw new FormatError(file, "a PNG that begins with its IHDR chunk", "a damaged or truncated start");
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [bits, colour, compression, filter, interlace] = bytes.subarray(24, 29) as unknown as number[];
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) {
    throw new FormatError(file, `1 to ${MAX_PIXELS} pixels`, `a declared size of ${width}x${height}`);
  }
  if (!(colour in CHANNELS) || ![1, 2, 4, 8, 16].includes(bits) || compression !== 0 || filter !== 0 || interlace > 1) {
    const got = `bit depth ${bits}, colour type ${colour}, methods ${compression} ${filter} ${interlace}`;
    throw new FormatError(file, "a PNG header with known bit depth, colour type and methods", got);
  }
  return { width, height, bits, colour, interlaced: interlace === 1 };
}

/**
 * Walks all chunks, checks their order and checksums, and checks that the compressed data inflate to exactly the size
 * that the header declares, stopping as soon as they exceed it. Text, profiles and animation frames are left out.
 * @throws FormatError with the file, what was expected and what came.
 */
export function readPngParts(bytes: Uint8Array, header: PngHeader, file: string): PngParts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pieces: Uint8Array[] = [];
  let palette: Uint8Array | undefined;
  let previous = "";
  let count = 0;
  for (let at = 8; previous !== "IEND"; ) {
    if (count++ === MAX_CHUNKS) throw new FormatError(file, `at most ${MAX_CHUNKS} chunks`, "more");
    if (at + 12 > bytes.length) throw new FormatError(file, "a PNG that ends with its IEND chunk", truncated(bytes));
    const length = view.getUint32(at);
    const type = chunkType(view, at + 4);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw new FormatError(file, `${length} bytes in chunk ${type}`, truncated(bytes));
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new FormatError(file, `an intact ${type} chunk`, "a wrong checksum (damaged file)");
    }
    const content = bytes.subarray(at + 8, end);
    if (type === "IHDR") {
      if (at !== 8) throw new FormatError(file, "one IHDR chunk", "a second one");
    } else if (type === "PLTE") {
      if (palette || pieces.length > 0 || length === 0 || length % 3 !== 0 || length > 768) {
        throw new FormatError(
          file,
          "one palette of 1 to 256 colours before the image data",
          `a ${length}-byte palette`,
        );
      }
      palette = content;
    } else if (type === "IDAT") {
      if (pieces.length > 0 && previous !== "IDAT") {
        throw new FormatError(file, "image data in consecutive chunks", `an IDAT chunk after ${previous}`);
      }
      pieces.push(content);
    } else if (type !== "IEND" && /^[A-Z]/.test(type)) {
      throw new FormatError(file, "no critical chunk besides IHDR, PLTE, IDAT and IEND", type);
    }
    previous = type;
    at = end + 4;
  }
  if (header.colour === 3 && !palette) throw new FormatError(file, "a palette", "a palette image without one");
  const scanLines = inflateExactly(concatenate(pieces), inflatedSize(header), file);
  return { ihdr: bytes.subarray(16, 29), palette: header.colour === 3 ? palette : undefined, scanLines };
}

/** Bytes of the unfiltered scan lines, each with its filter byte. Source: PNG specification, 7.2, 8.2. */
function inflatedSize({ width, height, bits, colour, interlaced }: PngHeader): number {
  const passBytes = (w: number, h: number) => (w === 0 ? 0 : h * (1 + Math.ceil((w * bits * CHANNELS[colour]) / 8)));
  if (!interlaced) return passBytes(width, height);
  let total = 0;
  for (const [x, y, stepX, stepY] of ADAM7) {
    const count = (size: number, origin: number, step: number) => Math.max(0, Math.ceil((size - origin) / step));
    total += passBytes(count(width, x, stepX), count(height, y, stepY));
  }
  return total;
}

/**
 * Inflates in small steps to exactly `expected` bytes, and gives up at the first byte too many.
 * One step of 4 KiB can at most become 4.2 MB: deflate expands by 1032 at best.
 */
function inflateExactly(data: Uint8Array, expected: number, file: string): Uint8Array {
  const step = 4096;
  const out = new Uint8Array(expected);
  let size = 0;
  const inflater = new Unzlib((chunk) => {
    if (size + chunk.length <= expected) out.set(chunk, size);
    size += chunk.length;
  });
  try {
    for (let at = 0; at < data.length && size <= expected; at += step) inflater.push(data.subarray(at, at + step));
    if (size <= expected) inflater.push(new Uint8Array(0), true);
  } catch (error) {
    throw new FormatError(
      file,
      "intact image data",
      `a damaged or truncated zlib stream (${(error as Error).message})`,
    );
  }
  if (size === expected) return out;
  const got = size > expected ? "more" : `only ${size}`;
  throw new FormatError(file, `image data that inflate to ${expected} bytes, as the header declares`, got);
}

/** A PNG file of the given chunks; the checksums stay zero, because the decoder does not look at them. */
export function assemblePng(chunks: readonly [type: string, content: Uint8Array][]): Uint8Array {
  const png = new Uint8Array(8 + chunks.reduce((total, [, content]) => total + 12 + content.length, 0));
  png.set(SIGNATURE);
  const view = new DataView(png.buffer);
  let at = 8;
  for (const [type, content] of chunks) {
    view.setUint32(at, content.length);
    for (let i = 0; i < 4; i++) png[at + 4 + i] = type.charCodeAt(i);
    png.set(content, at + 8);
    at += 12 + content.length;
  }
  return png;
}

/** CRC-32 of a chunk's type and content, as PNG and zip use it. Source: PNG specification, annex D. */
function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = CRC_TABLE[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function chunkType(view: DataView, at: number): string {
  let type = "";
  // Anything but a letter would put control characters into a message.
  for (let i = 0; i < 4; i++) type += String.fromCharCode(view.getUint8(at + i)).replace(/[^A-Za-z]/, "?");
  return type;
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function truncated(bytes: Uint8Array): string {
  return `a file of ${bytes.length} bytes (truncated)`;
}

function describeStart(bytes: Uint8Array): string {
  const known: [string, number[]][] = [
    ["a JPEG file", [0xff, 0xd8, 0xff]],
    ["a GIF file", [0x47, 0x49, 0x46]],
    ["a WebP or other RIFF file", [0x52, 0x49, 0x46, 0x46]],
    ["a TIFF file", [0x49, 0x49, 0x2a, 0]],
    ["a TIFF file", [0x4d, 0x4d, 0, 0x2a]],
  ];
  const match = known.find(([, start]) => start.every((byte, i) => bytes[i] === byte));
  if (match) return match[0];
  const hex = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  return `a file that begins with bytes ${hex.join(" ")}`;
}
