import { add } from "../kernels/binary.ts";
import { crossEntropy } from "../kernels/loss.ts";
import { argmax, softmax } from "../kernels/softmax.ts";
import { affine, clamp, log } from "../kernels/unary.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { noGrad } from "../tensor/tape.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import { type Method, predict } from "./methods.ts";
import { type Metrics, MetricsCounter, SegmentationCounter, softmaxRow } from "./metrics.ts";
import { type HostBatch, upload } from "./train.ts";

/** Metrics of the fused head, and of the mean of the probabilities of both heads where there are two. */
export interface Evaluation {
  /** `SegmentationMetrics` where pixels are classified. */
  metrics: Metrics;
  /** "F+H": no parameter more, usually better calibrated; null for networks with one head. */
  averaged: Metrics | null;
}

/** The label maps of a batch by one head. */
export interface MapPrediction {
  /** The most probable class of each pixel, [N,H,W]. */
  labels: Uint32Array;
  /** Mean negative log likelihood of the pixels whose class is known, in nats; 0 if there is none. */
  nll: number;
}

/** Class probabilities of one image. */
export interface ImagePrediction {
  probabilities: Float64Array;
  /** Mean of both heads' probabilities; null for networks with one head. */
  averaged: Float64Array | null;
}

// Probabilities count as at least this much where their logarithm is taken.
const LEAST = 1e-12;

/**
 * Predicts the class of every pixel of a batch, by the fused head and by the mean of both heads' probabilities (null for
 * networks with one head): waits for the GPU.
 */
export async function predictMaps(
  device: GpuDevice,
  method: Method,
  host: HostBatch,
): Promise<{ fused: MapPrediction; averaged: MapPrediction | null }> {
  const results = scope(() =>
    noGrad(() => {
      const batch = upload(device, host);
      const { logits, hallucinated } = method.predict(batch);
      const judged = (scores: Tensor) => [argmax(scores), crossEntropy(scores, batch.target!)];
      if (!hallucinated) return judged(logits);
      const both = affine(add(softmax(logits), softmax(hallucinated)), 0.5);
      // Logarithms of probabilities are scores that give these probabilities again.
      return [...judged(logits), ...judged(log(clamp(both, LEAST, 1)))];
    }),
  );
  const [labels, nll, otherLabels, otherNll] = await device.readMany(results);
  for (const tensor of results) tensor.dispose();
  return {
    fused: { labels: labels as Uint32Array, nll: nll![0]! },
    averaged: otherLabels ? { labels: otherLabels as Uint32Array, nll: otherNll![0]! } : null,
  };
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
  return method.task === "segment"
    ? evaluateMaps(device, method, batches, classes)
    : evaluateImages(device, method, batches, classes);
}

async function evaluateMaps(device: GpuDevice, method: Method, batches: Iterable<HostBatch>, classes: number) {
  const counters = { fused: new SegmentationCounter(classes), averaged: new SegmentationCounter(classes) };
  let two = false;
  for (const host of batches) {
    const { fused, averaged } = await predictMaps(device, method, host);
    counters.fused.add(fused.labels, host.target, fused.nll, host.size);
    if (averaged) counters.averaged.add(averaged.labels, host.target, averaged.nll, host.size);
    two ||= averaged !== null;
  }
  return { metrics: counters.fused.result(), averaged: two ? counters.averaged.result() : null };
}

async function evaluateImages(device: GpuDevice, method: Method, batches: Iterable<HostBatch>, classes: number) {
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
