/**
 * Inference and nothing else: opens networks that `onestage export` wrote, and predicts. Its build leaves out all
 * gradients, losses and optimisers.
 */
export { type DeviceOptions, GpuDevice } from "../tensor/device.ts";
export * from "../tensor/errors.ts";
export type { NetworkFacts } from "./facts.ts";
export { type PixelSource, readPixels } from "./image.ts";
export {
  type Answer,
  type FeatureMaps,
  type Image,
  type Images,
  openNetwork,
  type PredictOptions,
  TrainedNetwork,
} from "./network.ts";
