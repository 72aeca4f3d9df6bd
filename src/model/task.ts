import { resize } from "../kernels/resize.ts";
import { resizeLabels } from "../kernels/resize_labels.ts";
import type { Init } from "../nn/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { SegmentationDecoder } from "./decoder.ts";
import type { EncoderConfig } from "./encoder.ts";
import { ClassifierHead, type Head } from "./head.ts";

/** What is said of an image: one class for all of it, or one for every pixel. */
export type Task = "classify" | "segment";

/** The pixel class that does not count, neither in a loss nor in a metric. */
export const IGNORED = 255;

/** A fresh head for an encoder of this configuration. */
export function createHead(task: Task, init: Init, { widths, dropout }: EncoderConfig, classes: number): Head {
  if (task === "segment") return new SegmentationDecoder(init, widths, classes);
  return new ClassifierHead(init, widths.at(-1)!, classes, dropout);
}

/**
 * The maps, out of one for each stage, that the hallucination stream and P are made alike in: the last one, for pixels
 * also the two before it. Source: method.md a.4 (placement).
 */
export function alignedMaps(task: Task, maps: readonly Tensor[]): Tensor[] {
  return maps.slice(task === "segment" ? -3 : -1);
}

/** The target at the scale of class scores: u32 [N] as it is for images, [N,H,W] with the scores' extents for pixels. */
export function targetAt(scores: Tensor, target: Tensor): Tensor {
  const [, height, width] = scores.shape as [number, number, number];
  return scores.shape.length === 4 ? resizeLabels(target, { height, width }) : target;
}

/** Class scores as they are predicted: pixels' scores are resized to the image x [N,H,W,C]. */
export function scoresAt(x: Tensor, scores: Tensor): Tensor {
  const [, height, width] = x.shape as [number, number, number];
  return scores.shape.length === 4 ? resize(scores, { height, width, mode: "bilinear" }) : scores;
}
