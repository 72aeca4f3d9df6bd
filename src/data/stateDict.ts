import { isCounter, type Stored } from "../nn/module.ts";
import { FormatError } from "../tensor/errors.ts";
import { toFloat32 } from "./floats.ts";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "./safetensors.ts";
import { fromTypedArray } from "./typedArrays.ts";

/** What `module.stateDict()` gave, as the bytes of a safetensors file that PyTorch's safetensors reads, too. */
export function packStateDict(state: ReadonlyMap<string, Stored>, metadata: Record<string, string> = {}): Uint8Array {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { data, shape }] of state) tensors.set(name, fromTypedArray(data, shape));
  return serializeSafetensors(tensors, metadata);
}

/**
 * The numbers of a safetensors file for `module.loadStateDict()`, as f32 whatever they are in the file; what a batch norm
 * of PyTorch has counted is passed over.
 * @throws FormatError naming what is damaged, or is of 8 bits.
 */
export function unpackStateDict(bytes: Uint8Array, file = "state dict"): Map<string, Stored> {
  return storedTensors(parseSafetensors(bytes, file).tensors, file);
}

/**
 * The same of a file that has been parsed: its tensors, by name, all of one of `dtypes` where those are given.
 * @throws FormatError as `unpackStateDict` does, or naming a tensor of another dtype.
 */
export function storedTensors(
  tensors: ReadonlyMap<string, SafeTensor>,
  file: string,
  dtypes?: readonly string[],
): Map<string, Stored> {
  const state = new Map<string, Stored>();
  for (const [name, tensor] of tensors) {
    if (isCounter(name)) continue;
    if (dtypes && !dtypes.includes(tensor.dtype)) {
      throw new FormatError(`${file}: ${name}`, `dtype ${dtypes.join(" or ")}`, tensor.dtype);
    }
    state.set(name, { shape: tensor.shape, data: toFloat32(tensor, `${file}: ${name}`) });
  }
  return state;
}
