import type { Size } from "./resample.ts";

/** Bytes at the start of a file within which `declaredSize` looks: a camera's JPEG has thumbnails and profiles in front. */
export const DECLARED_WITHIN = 2 ** 20;

// Markers of JPEG frames, of which C4, C8 and CC are none. Source: ITU-T T.81, table B.1.
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/**
 * The extents that a PNG, JPEG, GIF or WebP file declares at its start, in pixels; null where they are not to be found there.
 * Source: the PNG specification, 11.2.2; ITU-T T.81, B.2.2; GIF89a, 18; RFC 9649, 2.5 to 2.7.
 */
export function declaredSize(bytes: Uint8Array): Size | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const starts = (text: string, at = 0) => [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
  if (bytes.length >= 24 && starts("\x89PNG")) return { width: view.getUint32(16), height: view.getUint32(20) };
  if (bytes.length >= 10 && starts("GIF8")) {
    return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  }
  if (bytes.length >= 30 && starts("RIFF") && starts("WEBP", 8)) {
    if (starts("VP8X", 12)) return { width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
    if (starts("VP8L", 12)) {
      const bits = view.getUint32(21, true);
      return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
    }
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  return bytes[0] === 0xff && bytes[1] === 0xd8 ? jpegSize(view) : null;
}

/** Walks the segments of a JPEG up to its frame. */
function jpegSize(view: DataView): Size | null {
  for (let at = 2; at + 9 <= view.byteLength && view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (isFrame(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // Before a marker there may be any number of bytes of ones.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
