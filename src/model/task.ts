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
export function createHead(task: Task, init: Init, encoder: EncoderConfig, classes: number): Head {
  if (task === "segment") return new SegmentationDecoder(init, encoder, classes);
  return new ClassifierHead(init, encoder.widths.at(-1)!, classes, encoder.dropout);
}

/** Channels of the maps in which networks are made alike, deepest last: those of the features that a head gives. */
export function alignedWidths(task: Task, encoder: EncoderConfig): number[] {
  if (task === "classify") return encoder.widths.slice(-1);
  return [...encoder.widths.slice(-3, -1), encoder.decoder.context];
}

/** The target at the scale of class scores: u32 [N] as it is for images, [N,H,W] with the scores' extents for pixels. */
export function targetAt(scores: Tensor, target: Tensor): Tensor {
  const [, height, width] = scores.shape as [number, number, number];
  if (scores.shape.length < 4 || (target.shape[1] === height && target.shape[2] === width)) return target;
  return resizeLabels(target, { height, width });
}

/** Class scores as they are predicted: pixels' scores are resized to the image x [N,H,W,C]. */
export function scoresAt(x: Tensor, scores: Tensor): Tensor {
  const [, height, width] = x.shape as [number, number, number];
  if (scores.shape.length < 4 || (scores.shape[1] === height && scores.shape[2] === width)) return scores;
  return resize(scores, { height, width, mode: "bilinear" });
}
