import { FormatError } from "../../../tensor/errors.ts";
import { MAX_PIXELS } from "../../pngChunks.ts";

/** A map from a NumPy file: [height, width], row by row however the file has it. */
export interface NpyMap {
  readonly width: number;
  readonly height: number;
  readonly data: Float64Array;
  /** Whether the numbers have fractions: depth in metres, not counts. */
  readonly float: boolean;
}

/** Bytes and reader of each element type. */
const TYPES: Readonly<Record<string, [bytes: number, read: (view: DataView, at: number) => number]>> = {
  "|u1": [1, (view, at) => view.getUint8(at)],
  "<u2": [2, (view, at) => view.getUint16(at, true)],
  "<i4": [4, (view, at) => view.getInt32(at, true)],
  "<f2": [2, (view, at) => float16(view.getUint16(at, true))],
  "<f4": [4, (view, at) => view.getFloat32(at, true)],
  "<f8": [8, (view, at) => view.getFloat64(at, true)],
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/**
 * Reads a NumPy file of two dimensions. Source: numpy.lib.format, versions 1.0 and 2.0.
 * @throws FormatError when it is anything else, or its size and shape disagree.
 */
export function readNpy(bytes: Uint8Array, file: string): NpyMap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = bytes[6];
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte) || (version !== 1 && version !== 2)) {
    throw new FormatError(file, "a NumPy file of version 1 or 2", "something else");
  }
  const begin = version === 1 ? 10 : 12;
  const end = begin + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = end <= bytes.length ? new TextDecoder("latin1").decode(bytes.subarray(begin, Math.min(end, 1e4))) : "";
  const type = /'descr':\s*'([^']{1,8})'/.exec(header)?.[1] ?? "";
  const form = /'fortran_order':\s*(False|True),\s*'shape':\s*\((\d{1,8}),\s*(\d{1,8})\)/.exec(header);
  if (!Object.hasOwn(TYPES, type) || !form) {
    const got = JSON.stringify(header.slice(0, 80));
    throw new FormatError(file, `a map of two dimensions of ${Object.keys(TYPES).join(", ")}`, got);
  }
  const [height, width] = [Number(form[2]), Number(form[3])];
  const [size, read] = TYPES[type];
  const count = width * height;
  if (count === 0 || count > MAX_PIXELS) throw new FormatError(file, `1 to ${MAX_PIXELS} pixels`, `${width}x${height}`);
  if (bytes.length - end !== count * size) {
    throw new FormatError(file, `${count * size} bytes for ${width}x${height} of ${type}`, `${bytes.length - end}`);
  }
  const data = new Float64Array(count);
  // In the order of Fortran, columns come one after another.
  const [right, down] = form[1] === "True" ? [height, 1] : [1, width];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = read(view, end + size * (x * right + y * down));
  }
  return { width, height, data, float: type[1] === "f" };
}

/** The value of a half float. Source: IEEE 754, binary16. */
function float16(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
