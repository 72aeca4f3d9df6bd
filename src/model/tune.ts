import { type TunedJob, type TuneOptions, tune } from "../tensor/tune.ts";
import type { Predictor } from "./predictor.ts";
import type { HostBatch, Trainer } from "./train.ts";

/** Finds the fastest kernels for training steps on batches like this one, as `tune`; no step is taken. */
export function tuneTraining(trainer: Trainer, host: HostBatch, options?: TuneOptions): Promise<TunedJob[]> {
  return trainer.handOver(host, (device, work) => tune(device, work, options));
}

/** The same for predictions. */
export function tunePrediction(predictor: Predictor, host: HostBatch, options?: TuneOptions): Promise<TunedJob[]> {
  return predictor.handOver(host, (device, work) => tune(device, work, options));
}
