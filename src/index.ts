/**
 * The browser-safe core of onestage: tensors with gradients on WebGPU, modules and optimisers, the one-stage network and
 * its training, procedural scenes, safetensors. Nothing runs at import.
 */
export * from "./data/augment.ts";
export * from "./data/batch.ts";
export { toFloat32 } from "./data/floats.ts";
export {
  fetchPacked,
  openPacked,
  type PackedDataset,
  type PackedOptions,
  type PackedReader,
} from "./data/packed.ts";
export type { PackedIndex } from "./data/packedIndex.ts";
export * from "./data/safetensors.ts";
export type { Dataset, Sample } from "./data/sample.ts";
export * from "./data/scenes/index.ts";
export { type SplitStatistics, statistics } from "./data/statistics.ts";
export * from "./kernels/index.ts";
export * from "./model/blocks.ts";
export * from "./model/context.ts";
export * from "./model/ctn.ts";
export * from "./model/decoder.ts";
export * from "./model/deploy.ts";
export * from "./model/encoder.ts";
export * from "./model/evaluate.ts";
export * from "./model/fusion.ts";
export * from "./model/head.ts";
export * from "./model/methods.ts";
export { type Metrics, MetricsCounter, SegmentationCounter, type SegmentationMetrics } from "./model/metrics.ts";
export * from "./model/objective.ts";
export * from "./model/onestage.ts";
export * from "./model/predictor.ts";
export * from "./model/pretrained.ts";
export * from "./model/profile.ts";
export * from "./model/single.ts";
export * from "./model/task.ts";
export * from "./model/train.ts";
export * from "./model/upsample.ts";
export * from "./nn/layers.ts";
export * from "./nn/module.ts";
export { nameLayers } from "./nn/naming.ts";
export * from "./nn/optimiser.ts";
export { recompute } from "./nn/recompute.ts";
export * from "./nn/schedule.ts";
export * from "./tensor/index.ts";
export * from "./tensor/rng.ts";
