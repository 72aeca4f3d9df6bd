import { FormatError } from "../../../tensor/errors.ts";
import type { Image } from "../../png.ts";
import { MAX_PIXELS } from "../../pngChunks.ts";

/** What a JPEG file declares. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colour. */
  readonly channels: number;
}

/** Most scans of a progressive image: ten times what encoders write, and few enough to decode in reasonable time. */
const MAX_SCANS = 100;

// Markers. Source: ITU-T T.81, table B.1.
const [SOI, EOI, SOS, TEM] = [0xd8, 0xd9, 0xda, 0x01];
const BASELINE_TO_PROGRESSIVE = [0xc0, 0xc1, 0xc2];
const isRestart = (marker: number) => marker >= 0xd0 && marker <= 0xd7;
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Whether the bytes begin as a JPEG file does. */
export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI && bytes[2] === 0xff;
}

/**
 * Walks all markers without decoding anything: a file of 8 bits a sample, of at most 16.8 million pixels and 100 scans.
 * @throws FormatError when it is anything else, or truncated.
 */
export function readJpegHeader(bytes: Uint8Array, file: string): JpegHeader {
  if (!isJpeg(bytes)) throw new FormatError(file, "a JPEG file", "something else");
  const word = (at: number) => (bytes[at] << 8) | bytes[at + 1];
  let header: JpegHeader | undefined;
  let scans = 0;
  for (let at = 2; ; ) {
    if (at + 2 > bytes.length) throw new FormatError(file, "a JPEG that ends with its EOI marker", "a truncated file");
    const marker = bytes[at + 1];
    // Entropy-coded data, with stuffed zeros and restart markers in it, and fill bytes before a marker.
    const between = bytes[at] !== 0xff || marker === 0 || marker === 0xff || isRestart(marker) || marker === TEM;
    if (between) {
      if (scans === 0 && bytes[at] !== 0xff) throw new FormatError(file, "a JPEG marker", `byte ${bytes[at]} at ${at}`);
      at += bytes[at] === 0xff && marker !== 0xff ? 2 : 1;
      continue;
    }
    if (marker === EOI) break;
    const length = word(at + 2);
    if (at + 2 + length > bytes.length || length < 2) {
      throw new FormatError(file, `${length} bytes in the segment at ${at}`, "a truncated file");
    }
    if (isFrame(marker)) {
      if (header) throw new FormatError(file, "one JPEG frame", "a second one");
      header = readFrame(bytes, at, marker, length, file);
    }
    if (marker === SOS && ++scans > MAX_SCANS) throw new FormatError(file, `at most ${MAX_SCANS} scans`, "more");
    at += 2 + length;
  }
  if (!header || scans === 0) throw new FormatError(file, "a JPEG with an image", "none");
  return header;
}

function readFrame(bytes: Uint8Array, at: number, marker: number, length: number, file: string): JpegHeader {
  if (length < 8) throw new FormatError(file, "a JPEG frame header", `${length} bytes`);
  const [bits, channels] = [bytes[at + 4], bytes[at + 9]];
  const [height, width] = [(bytes[at + 5] << 8) | bytes[at + 6], (bytes[at + 7] << 8) | bytes[at + 8]];
  if (!BASELINE_TO_PROGRESSIVE.includes(marker) || bits !== 8 || (channels !== 1 && channels !== 3)) {
    const got = `frame type ${marker - 0xc0}, ${bits} bits, ${channels} channels`;
    throw new FormatError(file, "a baseline or progressive JPEG of 8 bits, grey or colour", got);
  }
  if (width === 0 || height === 0 || width * height > MAX_PIXELS) {
    throw new FormatError(file, `1 to ${MAX_PIXELS} pixels`, `a declared size of ${width}x${height}`);
  }
  return { width, height, channels };
}

/**
 * Decodes a JPEG to [height, width, 3]; grey is repeated.
 * @throws FormatError when the bytes are anything else, damaged or truncated.
 */
export async function decodeJpeg(bytes: Uint8Array, file: string): Promise<Image> {
  const { width, height, channels } = readJpegHeader(bytes, file);
  const { default: load } = await import("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs");
  library ??= load();
  const decoder = new (await library).JPEGDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const info = decoder.getFrameInfo();
    const data = new Uint8Array(decoder.getDecodedBuffer());
    if (info.width !== width || info.height !== height || data.length !== width * height * channels) {
      throw new FormatError(file, `${width}x${height} pixels of ${channels} channels`, `${info.width}x${info.height}`);
    }
    if (channels === 3) return { width, height, data };
    const rgb = new Uint8Array(3 * data.length);
    for (let i = 0; i < data.length; i++) rgb.fill(data[i], 3 * i, 3 * i + 3);
    return { width, height, data: rgb };
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(file, "intact JPEG data", "damaged or truncated ones");
  } finally {
    decoder.delete();
  }
}

// The decoder's memory is made once, when the first image comes.
let library: ReturnType<typeof import("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs")["default"]> | undefined;
