import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { deflateSync } from "node:zlib";
import { File, ready } from "h5wasm/node";
import { encode } from "jpeg-js";

/** Writes a file below a folder, with the folders that it lies in. */
export function put(root: string, relative: string, content: string | Uint8Array): void {
  const file = path.join(root, relative);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** A JPEG of [height, width, 3] pixels, of best quality and without subsampling. */
export function jpegFile(width: number, height: number, data: Uint8Array): Uint8Array {
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return new Uint8Array(encode({ width, height, data: rgba }, 100).data);
}

/** A NumPy file of version 1. */
export function npyFile(descr: string, shape: string, data: Uint8Array, order = "False"): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const padded = `${header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11)}\n`;
  const length = Uint8Array.of(padded.length & 255, padded.length >> 8);
  return new Uint8Array(Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), length, Buffer.from(padded), data]));
}

/** A variable for a level 5 MAT-file: doubles, a text, cells or a struct. */
export type MatSpec = number[] | Uint16Array | string | { cells: MatSpec[] } | { fields: Record<string, MatSpec> };

/** A level 5 MAT-file of the given variables; `compressed` as MATLAB writes it by default. */
export function mat5File(variables: Record<string, MatSpec>, compressed: boolean): Uint8Array {
  const header = Buffer.alloc(128, " ");
  header.write("MATLAB 5.0 MAT-file, made by a test");
  header.writeUInt16LE(0x0100, 124);
  header.write("IM", 126);
  const parts: Uint8Array[] = [header];
  for (const [name, value] of Object.entries(variables)) {
    const matrix = element(14, matrixContent(name, value));
    parts.push(compressed ? element(15, deflateSync(matrix), false) : matrix);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function element(type: number, data: Uint8Array, pad = true): Uint8Array {
  // Small elements have type and size in one word.
  const small = data.length > 0 && data.length <= 4;
  const head = Buffer.alloc(small ? 4 : 8);
  if (small) head.writeUInt32LE(type | (data.length << 16));
  else {
    head.writeUInt32LE(type);
    head.writeUInt32LE(data.length, 4);
  }
  const size = head.length + data.length;
  return Buffer.concat([head, data, Buffer.alloc(pad ? (8 - (size % 8)) % 8 : 0)]);
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);

function matrixContent(name: string, value: MatSpec): Uint8Array {
  const part = (kind: number, size: number[], ...content: Uint8Array[]) => {
    const flags = element(6, words(kind, 0));
    return Buffer.concat([flags, element(5, words(...size)), element(1, Buffer.from(name)), ...content]);
  };
  const nested = (values: MatSpec[]) => values.map((inner) => element(14, matrixContent("", inner)));
  if (typeof value === "string") return part(4, [1, value.length], element(16, Buffer.from(value)));
  if (value instanceof Uint16Array) return part(11, [1, value.length], element(4, new Uint8Array(value.buffer)));
  if (Array.isArray(value))
    return part(6, [value.length, 1], element(9, new Uint8Array(Float64Array.from(value).buffer)));
  if ("cells" in value) return part(1, [1, value.cells.length], ...nested(value.cells));
  const names = Object.keys(value.fields);
  const packed = Buffer.concat(names.map((field) => Buffer.from(field.padEnd(32, "\0"))));
  return part(2, [1, 1], element(5, words(32)), element(1, packed), ...nested(Object.values(value.fields)));
}

/** An array of an HDF5 file. */
export interface Hdf5Array {
  data: Uint8Array | Uint16Array | Float32Array | Float64Array;
  shape: number[];
  chunks?: number[];
}

const DTYPES = { Uint8Array: "<B", Uint16Array: "<H", Float32Array: "<f", Float64Array: "<d" } as const;

/** Writes an HDF5 file as MATLAB 7.3 does: compressed chunks, behind 512 bytes of its own. */
export async function writeHdf5(file: string, arrays: Record<string, Hdf5Array>): Promise<void> {
  await ready;
  const out = new File(file, "w");
  for (const [name, { data, shape, chunks }] of Object.entries(arrays)) {
    const dtype = DTYPES[data.constructor.name as keyof typeof DTYPES];
    const packed = chunks ? { chunks, compression: "gzip" as const, compression_opts: 3 } : {};
    out.create_dataset({ name, data, shape, dtype, ...packed });
  }
  out.close();
  const userBlock = Buffer.alloc(512);
  userBlock.write("MATLAB 7.3 MAT-file, made by a test");
  writeFileSync(file, Buffer.concat([userBlock, readFileSync(file)]));
}
