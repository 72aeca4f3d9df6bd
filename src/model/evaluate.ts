import type { GpuDevice } from "../tensor/device.ts";
import type { Method } from "./methods.ts";
import { type Metrics, MetricsCounter, type PerImage, SegmentationCounter } from "./metrics.ts";
import { type ImagePrediction, type MapPrediction, Predictor } from "./predictor.ts";
import type { HostBatch } from "./train.ts";

/** Metrics of the fused head, and of the mean of the probabilities of both heads where there are two. */
export interface Evaluation {
  /** `ClassificationMetrics` of images, `SegmentationMetrics` of pixels. */
  metrics: Metrics;
  /** "F+H": no parameter more, usually better calibrated; null for networks with one head. */
  averaged: Metrics | null;
  /** What the fused head says of each image. */
  perImage: PerImage;
  /** What the mean of both heads says of each image; null for networks with one head. */
  averagedPerImage: PerImage | null;
}

/** Predicts the images of one batch: waits for the GPU. */
export async function predictBatch(device: GpuDevice, method: Method, host: HostBatch): Promise<ImagePrediction[]> {
  return using(new Predictor(device, method), (predictor) => predictor.images(host));
}

/** Predicts the pixels of one batch, as `Predictor.maps`: waits for the GPU. */
export async function predictMaps(
  device: GpuDevice,
  method: Method,
  host: HostBatch,
): Promise<{ fused: MapPrediction; averaged: MapPrediction | null }> {
  return using(new Predictor(device, method), (predictor) => predictor.maps(host));
}

/**
 * Evaluates a method on batches: waits for the GPU once a batch. Where `live` is the class of live faces, the metrics of
 * images say too how well attacks are found.
 */
export async function evaluate(
  device: GpuDevice,
  method: Method,
  batches: Iterable<HostBatch>,
  classes: number,
  live: number | null = null,
): Promise<Evaluation> {
  return using(new Predictor(device, method), (predictor) =>
    method.task === "segment"
      ? evaluateMaps(predictor, batches, classes)
      : evaluateImages(predictor, batches, classes, live),
  );
}

async function using<T>(predictor: Predictor, body: (predictor: Predictor) => Promise<T>): Promise<T> {
  try {
    return await body(predictor);
  } finally {
    predictor.dispose();
  }
}

async function evaluateMaps(predictor: Predictor, batches: Iterable<HostBatch>, classes: number): Promise<Evaluation> {
  const counters = { fused: new SegmentationCounter(classes), averaged: new SegmentationCounter(classes) };
  let two = false;
  for (const host of batches) {
    const { fused, averaged } = await predictor.maps(host);
    counters.fused.add(fused.labels, host.target, fused.nll, host.size);
    if (averaged) counters.averaged.add(averaged.labels, host.target, averaged.nll, host.size);
    two ||= averaged !== null;
  }
  return evaluationOf(counters.fused, two ? counters.averaged : null);
}

async function evaluateImages(
  predictor: Predictor,
  batches: Iterable<HostBatch>,
  classes: number,
  live: number | null,
): Promise<Evaluation> {
  const counters = { fused: new MetricsCounter(classes, live), averaged: new MetricsCounter(classes, live) };
  let two = false;
  for (const host of batches) {
    for (const [i, prediction] of (await predictor.images(host)).entries()) {
      counters.fused.add(prediction.probabilities, host.target[i]!);
      if (prediction.averaged) counters.averaged.add(prediction.averaged, host.target[i]!);
      two ||= prediction.averaged !== null;
    }
  }
  return evaluationOf(counters.fused, two ? counters.averaged : null);
}

type Counter = MetricsCounter | SegmentationCounter;

function evaluationOf(fused: Counter, averaged: Counter | null): Evaluation {
  return {
    metrics: fused.result(),
    averaged: averaged?.result() ?? null,
    perImage: fused.perImage(),
    averagedPerImage: averaged?.perImage() ?? null,
  };
}
