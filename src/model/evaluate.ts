import type { GpuDevice } from "../tensor/device.ts";
import { type Method, predict } from "./methods.ts";
import { type Metrics, MetricsCounter, softmaxRow } from "./metrics.ts";
import { type HostBatch, upload } from "./train.ts";

/** Metrics of the fused head, and of the mean of the probabilities of both heads where there are two. */
export interface Evaluation {
  metrics: Metrics;
  /** "F+H": no parameter more, usually better calibrated; null for networks with one head. */
  averaged: Metrics | null;
}

/** Class probabilities of one image. */
export interface ImagePrediction {
  probabilities: Float64Array;
  /** Mean of both heads' probabilities; null for networks with one head. */
  averaged: Float64Array | null;
}

/** Predicts the images of a batch: waits for the GPU. */
export async function predictBatch(device: GpuDevice, method: Method, host: HostBatch): Promise<ImagePrediction[]> {
  const batch = upload(device, host);
  const { logits, hallucinated, restored } = predict(method, batch);
  const heads = hallucinated ? [logits, hallucinated] : [logits];
  const [fused, second] = await device.readMany(heads);
  const used = [batch.rgb, batch.depth, batch.target, restored, ...heads];
  for (const tensor of used) tensor?.dispose();
  const classes = fused!.length / host.size;
  return Array.from({ length: host.size }, (_, row) => {
    const probabilities = softmaxRow(fused!, row, classes);
    const other = second ? softmaxRow(second, row, classes) : null;
    return { probabilities, averaged: other && probabilities.map((p, k) => (p + other[k]!) / 2) };
  });
}

/** Evaluates a method on batches: waits for the GPU once a batch. */
export async function evaluate(
  device: GpuDevice,
  method: Method,
  batches: Iterable<HostBatch>,
  classes: number,
): Promise<Evaluation> {
  const fused = new MetricsCounter(classes);
  const averaged = new MetricsCounter(classes);
  let two = false;
  for (const host of batches) {
    for (const [i, prediction] of (await predictBatch(device, method, host)).entries()) {
      fused.add(prediction.probabilities, host.target[i]!);
      if (prediction.averaged) averaged.add(prediction.averaged, host.target[i]!);
      two ||= prediction.averaged !== null;
    }
  }
  return { metrics: fused.result(), averaged: two ? averaged.result() : null };
}
