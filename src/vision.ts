/**
 * Networks for colour and depth, for Node and browsers: encoders, decoder, the one-stage network and every method that it is
 * compared with; training, evaluation and metrics; datasets, augmentation and procedural scenes. Nothing runs at import.
 */
export * from "./data/augment.ts";
export * from "./data/batch.ts";
export { MemoryDataset, type MemoryDatasetOptions } from "./data/memory.ts";
export type { DepthScale } from "./data/normalise.ts";
export { fetchPacked, openPacked, type PackedDataset, type PackedOptions, type PackedReader } from "./data/packed.ts";
export type { PackedIndex, PackedShard } from "./data/packedIndex.ts";
export { fitSample, type Size } from "./data/resample.ts";
export type { Dataset, Sample } from "./data/sample.ts";
export * from "./data/scenes/index.ts";
export { type SplitStatistics, statistics } from "./data/statistics.ts";
export type { NetworkFacts } from "./infer/facts.ts";
export { type PixelSource, readPixels } from "./infer/image.ts";
export { type Answer, type FeatureMaps, type Images, openNetwork, TrainedNetwork } from "./infer/network.ts";
export { packNetwork, type TrainedOn } from "./infer/pack.ts";
export {
  type ArchitectureName,
  architectures,
  type Deployed,
  type FusedStreams,
  type NetworkParts,
  networkParts,
  type ShapeConfig,
} from "./model/architectures.ts";
export * from "./model/blocks.ts";
export type { ReliabilityBin } from "./model/calibration.ts";
export * from "./model/context.ts";
export * from "./model/ctn.ts";
export * from "./model/decoder.ts";
export * from "./model/deploy.ts";
export * from "./model/encoder.ts";
export * from "./model/evaluate.ts";
export * from "./model/fusion.ts";
export * from "./model/head.ts";
export { Judge } from "./model/judge.ts";
export type { Built, Parts } from "./model/method.ts";
export * from "./model/methods.ts";
export {
  type ClassificationMetrics,
  type Metrics,
  MetricsCounter,
  type PerImage,
  SegmentationCounter,
  type SegmentationMetrics,
} from "./model/metrics.ts";
export * from "./model/objective.ts";
export * from "./model/onestage.ts";
export { type PlanOptions, planStages, type Stage } from "./model/plan.ts";
export * from "./model/predictor.ts";
export * from "./model/pretrained.ts";
export { type EpochSums, trainSteps } from "./model/session.ts";
export * from "./model/single.ts";
export type { OperatingPoint, SpoofingMetrics, SpoofingRates } from "./model/spoofing.ts";
export { TwoStreams, WeightedStreams } from "./model/streams.ts";
export * from "./model/task.ts";
export * from "./model/train.ts";
export * from "./model/upsample.ts";
export { learningRate, type Schedule } from "./nn/schedules.ts";
