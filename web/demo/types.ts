import type { Task } from "../../src/model/task.ts";

/** A picture for a canvas: red, green, blue, opacity. */
export interface Raster {
  width: number;
  height: number;
  data: Uint8ClampedArray<ArrayBuffer>;
}

/** Which of the pictures that are drawn by the page, none of which a network has learnt from. */
export interface SceneQuestion {
  index: number;
  /** Side in pixels. */
  size: number;
}

/** What two networks are asked about: a scene, a file, or a frame of the camera. */
export interface DemoQuestion {
  task: Task;
  scene?: number;
  file?: Blob;
  frame?: ImageBitmap;
}

/** Which scenes both networks are scored on. */
export interface ScoreQuestion {
  task: Task;
  first: number;
  count: number;
}

/** How many of so many scenes each network names right; of pixels, the sum of the shares that are right. */
export type Score = Record<NetworkName, number>;

/** The networks of the demo, in the order in which they are shown. */
export type NetworkName = "one-stage-rgb" | "rgb-only";

/** What one network says. */
export interface DemoAnswer {
  network: NetworkName;
  /** Of each class of the image; null where pixels are classified. */
  probabilities: number[] | null;
  /** The classes of the pixels in colours, and the share of the picture that each covers; null where images are classified. */
  labels: { raster: Raster; shares: number[] } | null;
  /** Share of the pixels that are right, or 1 or 0 for the image, where that is known. */
  right: number | null;
  milliseconds: number;
}

/** What is known of a scene. */
export interface DemoTruth {
  /** Index of the image's class. */
  target: number;
  depth: Raster;
  /** Nearest and farthest distance in metres. */
  range: [near: number, far: number];
  labels: { raster: Raster; shares: number[] } | null;
}

/** What the hallucination stream made of colour. */
export interface DemoRestored {
  /** Cells of the map along each side, and its channels. */
  width: number;
  height: number;
  channels: number;
  /** The mean over all channels, and the channels that vary most. */
  mean: Raster;
  strongest: { channel: number; raster: Raster }[];
}

/** Everything that the demo shows of one picture. */
export interface DemoResult {
  picture: Raster;
  classes: readonly string[];
  /** Side of the image as the networks see it, in pixels. */
  size: number;
  answers: DemoAnswer[];
  truth: DemoTruth | null;
  restored: DemoRestored | null;
}
