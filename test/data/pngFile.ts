import { deflateSync } from "node:zlib";

/** What a test PNG consists of; everything may be wrong. */
export interface PngSpec {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  /** PNG colour type: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA. */
  readonly colour: number;
  readonly interlace?: number;
  readonly palette?: ArrayLike<number>;
  /** Scan lines, each with its filter byte in front; they are compressed here. */
  readonly scanLines?: Uint8Array;
  /** Compressed data, in place of scan lines. */
  readonly compressed?: Uint8Array;
}

/** CRC-32 one bit at a time: slow, and independent of the table that the reader uses. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** One chunk with its length and checksum; `length` overrides the stated length. */
export function chunk(type: string, content: ArrayLike<number> = [], length = content.length): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(content, 8);
  view.setUint32(8 + content.length, crc32(bytes.subarray(4, 8 + content.length)));
  return bytes;
}

/** A file of the PNG signature and the given chunks. */
export function pngOf(...chunks: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10), ...chunks]));
}

/** The IHDR chunk of a spec. */
export function ihdr({ width, height, bits, colour, interlace = 0 }: PngSpec): Uint8Array {
  const content = new Uint8Array(13);
  const view = new DataView(content.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  content.set([bits, colour, 0, 0, interlace], 8);
  return chunk("IHDR", content);
}

/** A whole PNG file of a spec. */
export function pngFile(spec: PngSpec): Uint8Array {
  const data = spec.compressed ?? deflateSync(spec.scanLines ?? new Uint8Array(0));
  const palette = spec.palette ? [chunk("PLTE", spec.palette)] : [];
  return pngOf(ihdr(spec), ...palette, chunk("IDAT", data), chunk("IEND"));
}
