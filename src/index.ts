/**
 * The core of onestage, for Node and browsers: tensors with gradients on WebGPU, ops, modules, losses, optimisers, state
 * dicts and safetensors. Nothing runs at import. `onestage/vision` has networks and how they are trained, `onestage/infer`
 * opens trained ones, `onestage/node` reads and writes files.
 */
export {
  parseSafetensors,
  type SafeTensor,
  type SafetensorsDtype,
  serializeSafetensors,
} from "./data/safetensors.ts";
export { packStateDict, unpackStateDict } from "./data/stateDict.ts";
export { fromTypedArray, type TypedArray, toTypedArray } from "./data/typedArrays.ts";
export * from "./kernels/index.ts";
export * from "./nn/layers.ts";
export * from "./nn/module.ts";
export { nameLayers } from "./nn/naming.ts";
export * from "./nn/optimiser.ts";
export { recompute } from "./nn/recompute.ts";
export * from "./nn/schedule.ts";
export * from "./tensor/index.ts";
export * from "./tensor/rng.ts";
