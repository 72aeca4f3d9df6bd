import { inflateSync } from "node:zlib";
import { FormatError } from "../../../tensor/errors.ts";

/** What a MATLAB variable holds, of what the metadata of datasets needs: numbers, texts, cells and scalar structs. */
export type MatValue = number[] | string | { readonly cells: readonly MatValue[] } | { readonly fields: MatFields };

/** Variables of a file, or fields of a struct, by name and in their order. */
export type MatFields = ReadonlyMap<string, MatValue>;

const MAX_INFLATED = 2 ** 26;
const MAX_ELEMENTS = 2 ** 20;
const MAX_DEPTH = 8;

// Data types and array classes. Source: MathWorks, "MAT-File Format", tables 1-1 and 1-3.
const [MATRIX, COMPRESSED] = [14, 15];
const [CELL, STRUCT, CHAR, FIRST_NUMERIC, LAST_NUMERIC] = [1, 2, 4, 6, 15];

/** Bytes and reader of each numeric data type. */
const NUMBERS: Readonly<Record<number, [bytes: number, read: (view: DataView, at: number) => number]>> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [2, (view, at) => view.getUint16(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getUint32(at, true)],
  7: [4, (view, at) => view.getFloat32(at, true)],
  9: [8, (view, at) => view.getFloat64(at, true)],
  12: [8, (view, at) => Number(view.getBigInt64(at, true))],
  13: [8, (view, at) => Number(view.getBigUint64(at, true))],
  16: [1, (view, at) => view.getUint8(at)],
  17: [2, (view, at) => view.getUint16(at, true)],
};

/** Whether the bytes begin as a level 5 MAT-file does. */
export function isMat5(bytes: Uint8Array): boolean {
  return bytes.length >= 128 && bytes[125] === 1 && bytes[126] === 0x49 && bytes[127] === 0x4d;
}

/**
 * Reads the variables of a little-endian level 5 MAT-file; those of other kinds (sparse, objects) are left out.
 * Source: MathWorks, "MAT-File Format".
 * @throws FormatError when it is anything else or damaged.
 */
export function readMat5(bytes: Uint8Array, file: string): MatFields {
  if (!isMat5(bytes)) throw new FormatError(file, "a little-endian MATLAB file of level 5", "something else");
  const variables = new Map<string, MatValue>();
  const reader = new Elements(bytes.subarray(128), file);
  while (!reader.done) {
    let { type, data } = reader.next();
    if (type === COMPRESSED) ({ type, data } = new Elements(inflate(data, file), file).next());
    if (type !== MATRIX) continue;
    const { name, value } = readMatrix(data, file, 0);
    if (value !== null && name !== "") variables.set(name, value);
  }
  return variables;
}

function inflate(data: Uint8Array, file: string): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: MAX_INFLATED });
  } catch (error) {
    throw new FormatError(file, `intact data of at most ${MAX_INFLATED} bytes`, (error as Error).message);
  }
}

/** One array: its name, and its value or null where its kind is not known. */
function readMatrix(data: Uint8Array, file: string, depth: number): { name: string; value: MatValue | null } {
  if (depth > MAX_DEPTH) throw new FormatError(file, `arrays nested at most ${MAX_DEPTH} deep`, "deeper ones");
  // An empty cell may be an array without content.
  if (data.length === 0) return { name: "", value: [] };
  const elements = new Elements(data, file);
  const kind = elements.next().data[0];
  const count = elements.numbers().reduce((product, size) => product * size, 1);
  const name = elements.text();
  if (!(count <= MAX_ELEMENTS)) throw new FormatError(file, `arrays of at most ${MAX_ELEMENTS} elements`, `${count}`);
  const value = () => readMatrix(elements.next().data, file, depth + 1).value ?? [];
  if (kind >= FIRST_NUMERIC && kind <= LAST_NUMERIC) {
    const values = elements.numbers();
    if (values.length !== count) throw new FormatError(file, `${count} numbers in ${name}`, `${values.length}`);
    return { name, value: values };
  }
  if (kind === CHAR) return { name, value: String.fromCharCode(...elements.numbers().slice(0, 1000)) };
  if (kind === CELL) return { name, value: { cells: Array.from({ length: count }, value) } };
  if (kind !== STRUCT || count !== 1) return { name, value: null };
  const [length] = elements.numbers();
  if (!(length >= 1)) throw new FormatError(file, "field names of at least 1 character", `${length}`);
  const packed = elements.text(true);
  const names = Array.from({ length: Math.floor(packed.length / length) }, (_, i) => {
    return packed.slice(i * length, (i + 1) * length).replace(/\0.*$/s, "");
  });
  return { name, value: { fields: new Map(names.map((field) => [field, value()])) } };
}

/** Reads data elements one after another: a type, a size, and the data. */
class Elements {
  private at = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly file: string,
  ) {}

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  next(): { type: number; data: Uint8Array } {
    const { bytes, at } = this;
    if (at + 8 > bytes.length) throw new FormatError(this.file, "a whole MATLAB element", "a truncated one");
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const word = view.getUint32(at, true);
    // A small element has its size in the upper half of the first word, and its data in the second.
    const small = word >>> 16 !== 0;
    const [type, size] = small ? [word & 0xffff, word >>> 16] : [word, view.getUint32(at + 4, true)];
    const begin = at + (small ? 4 : 8);
    if (size > (small ? 4 : bytes.length - begin)) {
      throw new FormatError(this.file, `${size} bytes in a MATLAB element`, "fewer");
    }
    // Padded to 8 bytes, except where data are compressed.
    this.at = small ? at + 8 : type === COMPRESSED ? begin + size : begin + Math.ceil(size / 8) * 8;
    return { type, data: bytes.subarray(begin, begin + size) };
  }

  numbers(): number[] {
    const { type, data } = this.next();
    const known = NUMBERS[type];
    if (!known) throw new FormatError(this.file, "numbers of a known type", `type ${type}`);
    const [size, read] = known;
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    return Array.from({ length: Math.floor(data.length / size) }, (_, i) => read(view, i * size));
  }

  text(whole = false): string {
    const text = new TextDecoder("latin1").decode(this.next().data);
    return whole ? text : text.replace(/\0.*$/s, "");
  }
}
