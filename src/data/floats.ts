import { fromHalf } from "../tensor/half.ts";
import type { SafeTensor } from "./safetensors.ts";
import { toTypedArray } from "./typedArrays.ts";

/**
 * Elements of a tensor as f32, whatever numbers it holds: f16 and bf16 become wider, wider ones are rounded.
 * @throws FormatError when they are no numbers, or of 8 bits (BOOL, F8).
 */
export function toFloat32(tensor: SafeTensor, file: string): Float32Array {
  const { dtype } = tensor;
  if (dtype === "F16" || dtype === "BF16") {
    const halves = toTypedArray({ ...tensor, dtype: "U16" }, file) as Uint16Array;
    return dtype === "F16" ? widened(halves) : shifted(halves);
  }
  const numbers = toTypedArray(tensor, file);
  return numbers instanceof Float32Array ? numbers : Float32Array.from(numbers as ArrayLike<number>, Number);
}

/** Half-precision numbers by a table of all there are: networks have many millions. */
function widened(halves: Uint16Array): Float32Array {
  const all = Float32Array.from({ length: 65536 }, (_, half) => fromHalf(half));
  const wide = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) wide[i] = all[halves[i]!]!;
  return wide;
}

/** bf16 is the upper half of f32. */
function shifted(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}
