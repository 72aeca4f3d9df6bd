/** Which modality a network is given at test time. */
export type Seen = "rgb" | "depth" | "ir" | "both" | "all";

/** What a network is there for: the figure to beat, the method itself, the ceiling, or the teacher that sees what is missing at test. */
export type Role = "baseline" | "ours" | "upper bound" | "privileged";

/** What one network scored on the test set; every share is in 0..1 and may be NaN where it is not defined. */
export interface Metrics {
  /** Share of images (classify) or pixels (segment) whose best class is right. */
  top1: number;
  /** Mean of `perClass` over the classes that occur: mean class accuracy (classify) or mean intersection over union (segment). */
  meanClass: number;
  /** Mean negative log likelihood of the true class, in nats. */
  nll: number;
  /** Accuracy (classify) or intersection over union (segment) of each class; NaN for a class that does not occur; may be empty. */
  perClass: number[];
  /** Counts `[truth][predicted]` of images or pixels; may be empty. */
  confusion: number[][];
  /** Number of test images. */
  samples: number;
}

/** One trained network and its score. */
export interface NetworkReport {
  /** Short unique name: "rgb-only", "depth-only", "one-stage-rgb", "one-stage-depth", "rgbd" or another. */
  id: string;
  title: string;
  seen: Seen;
  /** Number of weights used at test time. */
  parameters: number;
  /** Training time in seconds. */
  seconds: number;
  role: Role;
  metrics: Metrics;
}

/** What was logged while one network trained; every list has one entry per entry of `epochs`. */
export interface CurveReport {
  /** The `id` of the network. */
  network: string;
  epochs: number[];
  /** Loss terms by name: "total", "task", "hall", "mmd", "kl", "translation" or another. */
  losses: Record<string, number[]>;
  trainTop1?: number[];
  /** Null where an epoch was not validated. */
  valTop1?: (number | null)[];
  /** Mean size of the translators' output, mean |J2|; near 0 they have collapsed. */
  translatorMean?: number[];
}

/** One small picture, rows from top to bottom, three bytes a pixel. */
export interface ImageReport {
  caption: string;
  width: number;
  height: number;
  /** `[height, width, 3]`, 8 bits a channel. */
  rgb: Uint8Array;
}

/** What one network said about one sample. */
export interface PredictionReport {
  /** The `id` of the network. */
  network: string;
  predicted: string;
  /** Probability given to the predicted class, 0..1. */
  probability: number;
  correct: boolean;
}

/** One test sample with its pictures and predictions. */
export interface SampleReport {
  name: string;
  truth: string;
  images: ImageReport[];
  predictions: PredictionReport[];
}

/** Everything that `renderReport`, `renderSummary` and `renderMarkdown` show. */
export interface ReportData {
  title: string;
  subtitle: string;
  /** ISO 8601 date and time. */
  created: string;
  /** The command line that makes this run again. */
  command: string;
  /** Name of the WebGPU adapter. */
  adapter: string;
  /** Time of the whole run in seconds. */
  seconds: number;
  task: "classify" | "segment";
  classes: string[];
  settings: Record<string, string | number | boolean>;
  networks: NetworkReport[];
  curves: CurveReport[];
  samples: SampleReport[];
  notes: string[];
}
