import type { MethodName } from "../../src/model/methods.ts";
import type { Task } from "../../src/model/task.ts";

/** What the visitor chose to train. */
export interface RunChoice {
  task: Task;
  method: MethodName;
  seed: number;
  /** Side of the images in pixels. */
  size: number;
  /** Scenes to learn from in each epoch, and to check on after it. */
  scenes: number;
  validation: number;
  epochs: number;
  batch: number;
  /** Highest learning rate. */
  lr: number;
}

/** The curves of one network: its losses, each a mean over a few steps, and its accuracy after each epoch. */
export interface Curve {
  method: MethodName;
  title: string;
  /** Number of the network's steps behind each point. */
  steps: number[];
  /** The total loss and its unweighted terms, one value for each point. */
  losses: Record<string, number[]>;
  epochs: EpochPoint[];
}

/** What an epoch came to: shares of images (or pixels) that were right. */
export interface EpochPoint {
  step: number;
  train: number;
  validation: number | null;
}

/** What a run is doing. */
export type RunState = "drawing" | "training" | "paused" | "finished" | "stopped" | "failed";

/** How far a run is. */
export interface RunStatus {
  state: RunState;
  /** Of all networks. */
  step: number;
  steps: number;
  /** Index of the network that is being trained, and its epochs. */
  network: number;
  epoch: number;
  epochs: number;
  imagesPerSecond: number;
  /** Seconds that are left, where that is known. */
  left: number | null;
  /** Mean total loss of the epoch so far. */
  loss: number | null;
  /** When it was last saved, in milliseconds since 1970. */
  saved: number | null;
  /** Something that the visitor should know. */
  note: string | null;
}

/** A run as a whole. */
export interface RunSnapshot {
  choice: RunChoice;
  status: RunStatus;
  curves: Curve[];
}

/** News of a run: how far it is, and what is new of the curve of the network that is being trained. */
export interface RunUpdate {
  status: RunStatus;
  points: { network: number; step: number; losses: Record<string, number> }[];
  epochs: { network: number; point: EpochPoint }[];
  /** All curves, where those that the page has hold no longer: what comes besides is behind them. */
  curves: Curve[] | null;
}

/** What an earlier visit left. */
export interface SavedRun extends RunSnapshot {
  /** Where it lies. */
  place: string;
}
