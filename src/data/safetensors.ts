import { FormatError, ShapeError } from "../tensor/errors.ts";
import { StrictJsonReader } from "./strictJson.ts";

/** Bytes per element of each dtype this reader accepts. Source: safetensors README, "Format", and its `Dtype` list. */
const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

/** Longest JSON header in bytes that is read. Source: the same cap as huggingface.js. */
const MAX_HEADER_BYTES = 25_000_000;

/** Highest tensor rank that is read: NumPy's own limit, so that a header cannot hide a huge array in one shape. */
const MAX_RANK = 64;

const METADATA = "__metadata__";

/** Name of an element type in a safetensors file. */
export type SafetensorsDtype = keyof typeof ELEMENT_BYTES;

/** One tensor of a safetensors file: `data` holds its little-endian elements in row-major order. */
export interface SafeTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Where one tensor lies: bytes `begin` up to `end` of the whole file. */
export interface SafetensorsEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A parsed header: free-form metadata (without a prototype) and the tensors in file order. */
export interface SafetensorsHeader {
  readonly metadata: Record<string, string>;
  readonly tensors: Map<string, SafetensorsEntry>;
}

/**
 * Number of header bytes that follow the 8-byte length at the start of `bytes`, for a file of `fileSize` bytes.
 * @throws FormatError when the length is impossible or above 25 MB.
 */
export function safetensorsHeaderLength(bytes: Uint8Array, fileSize: number, file: string): number {
  if (bytes.length < 8 || fileSize < 8) {
    throw new FormatError(file, "a safetensors file of at least 8 bytes", `${Math.min(bytes.length, fileSize)} bytes`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new FormatError(
      file,
      `a safetensors header of at most ${MAX_HEADER_BYTES} bytes`,
      `${length} bytes (another format?)`,
    );
  }
  if (Number(length) > fileSize - 8) {
    throw new FormatError(file, `a safetensors header of ${length} bytes`, `only ${fileSize - 8} bytes (truncated?)`);
  }
  return Number(length);
}

/**
 * Parses and checks the header at the start of `bytes`, so that a reader can then fetch only the tensors it needs.
 * Names are unique and the tensors fill the `fileSize` bytes without holes or overlap.
 * @throws FormatError with the file, what was expected and what came.
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileSize: number, file: string): SafetensorsHeader {
  const length = safetensorsHeaderLength(bytes, fileSize, file);
  if (bytes.length < 8 + length) {
    throw new FormatError(file, `the ${8 + length} bytes that hold the header`, `${bytes.length} bytes`);
  }
  // The first byte is checked before decoding: no byte order mark, and no other format that begins with white space.
  if (bytes[8] !== 0x7b) throw new FormatError(file, 'a safetensors header that starts with "{"', "something else");
  const reader = new StrictJsonReader(decodeUtf8(bytes.subarray(8, 8 + length), file), file);
  const dataBegin = 8 + length;
  const tensors = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> | undefined;
  reader.object((name) => {
    if (name === METADATA) {
      if (metadata) reader.fail(`${METADATA} once`);
      metadata = readMetadata(reader);
    } else {
      if (tensors.has(name)) reader.fail(`each tensor name once, not ${quote(name)} again`);
      tensors.set(name, readEntry(reader, name, dataBegin, file));
    }
  });
  reader.end();
  return { metadata: metadata ?? Object.create(null), tensors: inFileOrder(tensors, dataBegin, fileSize, file) };
}

/**
 * Parses a whole safetensors file; every `data` is a view into `bytes`, nothing is copied.
 * @throws FormatError with the file, what was expected and what came.
 */
export function parseSafetensors(
  bytes: Uint8Array,
  file: string,
): { metadata: Record<string, string>; tensors: Map<string, SafeTensor> } {
  const { metadata, tensors } = parseSafetensorsHeader(bytes, bytes.length, file);
  const views = new Map<string, SafeTensor>();
  for (const [name, { dtype, shape, begin, end }] of tensors) {
    views.set(name, { dtype, shape, data: bytes.subarray(begin, end) });
  }
  return { metadata, tensors: views };
}

/**
 * Bytes of a safetensors file; the same tensors and metadata always give the same bytes, whatever their order.
 * The data start at a multiple of 8 and wide elements come first, so every tensor is aligned to its element size.
 * @throws ShapeError when a shape and its data disagree, or a name is reserved.
 */
export function serializeSafetensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) => {
    return ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype] || (nameA < nameB ? -1 : 1);
  });
  const keys = Object.keys(metadata).sort();
  const parts: string[] = [];
  if (keys.length > 0) {
    const pairs = keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`);
    parts.push(`"${METADATA}":{${pairs.join(",")}}`);
  }
  let dataBytes = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    const expected = byteSize(dtype, shape);
    if (name === METADATA || expected !== data.length) {
      const got = `${quote(name)} with ${data.length} bytes`;
      throw new ShapeError("serializeSafetensors", `a tensor of ${expected} bytes (${dtype} [${shape}])`, got);
    }
    const offsets = [dataBytes, dataBytes + data.length];
    parts.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets })}`);
    dataBytes += data.length;
  }
  const header = new TextEncoder().encode(`{${parts.join(",")}}`);
  const padded = Math.ceil(header.length / 8) * 8;
  const out = new Uint8Array(8 + padded + dataBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(padded), true);
  out.fill(0x20, 8, 8 + padded);
  out.set(header, 8);
  let at = 8 + padded;
  for (const [, { data }] of ordered) {
    out.set(data, at);
    at += data.length;
  }
  return out;
}

/** `{"key": "value", ...}`; the object has no prototype, so that "__proto__" is a key like any other. */
function readMetadata(reader: StrictJsonReader): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  reader.object((key) => {
    if (key in metadata) reader.fail(`each metadata key once, not ${quote(key)} again`);
    metadata[key] = reader.string();
  });
  return metadata;
}

function readEntry(reader: StrictJsonReader, name: string, dataBegin: number, file: string): SafetensorsEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((key) => {
    if (key === "dtype" && dtype === undefined) dtype = reader.string();
    else if (key === "shape" && !shape) shape = reader.integers(MAX_RANK);
    else if (key === "data_offsets" && !offsets) offsets = reader.integers(2);
    else reader.fail(`dtype, shape and data_offsets once each in tensor ${quote(name)}, not ${quote(key)}`);
  });
  if (dtype === undefined || !shape || offsets?.length !== 2) {
    throw new FormatError(
      file,
      `tensor ${quote(name)} to have dtype, shape and two data_offsets`,
      "an incomplete entry",
    );
  }
  if (!Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw new FormatError(file, `dtype of ${quote(name)} to be one of ${Object.keys(ELEMENT_BYTES)}`, quote(dtype));
  }
  const known = dtype as SafetensorsDtype;
  const bytes = byteSize(known, shape);
  const [begin, end] = offsets as [number, number];
  if (end - begin !== bytes) {
    const expected = Number.isNaN(bytes) ? "fewer than 2^53" : bytes;
    throw new FormatError(
      file,
      `${expected} bytes in ${quote(name)} (${dtype} [${shape}])`,
      `offsets ${begin}, ${end}`,
    );
  }
  return { dtype: known, shape, begin: dataBegin + begin, end: dataBegin + end };
}

/** Bytes of a tensor, or NaN when a partial product does not fit 2^53: a later zero must not hide an overflow. */
function byteSize(dtype: SafetensorsDtype, shape: readonly number[]): number {
  let bytes: number = ELEMENT_BYTES[dtype];
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(bytes)) return Number.NaN;
  }
  return bytes;
}

function inFileOrder(
  tensors: Map<string, SafetensorsEntry>,
  dataBegin: number,
  fileSize: number,
  file: string,
): Map<string, SafetensorsEntry> {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = dataBegin;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== at) {
      const problem = begin < at ? "an overlap" : "a hole";
      throw new FormatError(
        file,
        `tensor ${quote(name)} to start at data byte ${at - dataBegin}`,
        `${problem}: ${begin - dataBegin}`,
      );
    }
    at = end;
  }
  if (at !== fileSize) throw new FormatError(file, `${at} bytes as its header says`, `${fileSize} bytes`);
  return new Map(ordered);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError(file, "a safetensors header in UTF-8", "other bytes");
  }
}

/** A name as it appears in a message: quoted, control characters escaped, cut to 60 characters. */
function quote(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}...` : name);
}
