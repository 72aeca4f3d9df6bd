import { FormatError, ShapeError } from "../tensor/errors.ts";
import type { SafeTensor } from "./safetensors.ts";

const TYPED_ARRAYS = [
  ["U8", Uint8Array],
  ["I8", Int8Array],
  ["U16", Uint16Array],
  ["I16", Int16Array],
  ["U32", Uint32Array],
  ["I32", Int32Array],
  ["F32", Float32Array],
  ["U64", BigUint64Array],
  ["I64", BigInt64Array],
  ["F64", Float64Array],
] as const;

/** Array types that have a dtype of their own. */
export type TypedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array;

/**
 * Elements of a tensor as a typed array: a view where the alignment allows it, else a copy. Expects a little-endian
 * machine, as WebGPU does.
 * @throws FormatError when JavaScript has no array of that dtype (F16, BF16, F8).
 */
export function toTypedArray(tensor: SafeTensor, file: string): TypedArray {
  const entry = TYPED_ARRAYS.find(([dtype]) => dtype === tensor.dtype);
  if (!entry) throw new FormatError(file, `a dtype out of ${TYPED_ARRAYS.map(([dtype]) => dtype)}`, tensor.dtype);
  const [, ArrayType] = entry;
  const { data } = tensor;
  const aligned = data.byteOffset % ArrayType.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  return new ArrayType(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    data.byteLength / ArrayType.BYTES_PER_ELEMENT,
  );
}

/** A tensor of `shape` over the memory of `array`, not copied. */
export function fromTypedArray(array: TypedArray, shape: readonly number[]): SafeTensor {
  const entry = TYPED_ARRAYS.find(([, ArrayType]) => array instanceof ArrayType);
  if (!entry) throw new ShapeError("fromTypedArray", "a typed array", String(array));
  return { dtype: entry[0], shape, data: new Uint8Array(array.buffer, array.byteOffset, array.byteLength) };
}
