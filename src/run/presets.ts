import { defaultWeights, segmentationWeights } from "../model/objective.ts";
import { comparison } from "../model/plan.ts";
import type { Settings } from "./settings.ts";

/** Settings that older runs do not name, with what they mean by that. */
export const addedLater = {
  ...{ precision: "f32", accumulate: 1, recompute: "off" },
  ...{ jmmd: 0, sigmoid: 0, restore: 0, fused: 0, kd: 1 },
  ...{ teacher: "missing", classWeights: "equal", holdOut: "none" },
  ...{ modalities: "rgb,depth", fusionBlock: "ctn", pretrained: null, unlabelled: null, extra: 0 },
  ...{ fusionNorm: "batch", klPixels: "mean", aligned: "map", jmmdEstimate: "quadratic", hallInit: "fresh", ramp: 0 },
  ...{ privilegedGates: "none", contextBins: "1,5" },
  ...{ jmmdLayers: "last", feature: 0, featureLoss: "fitnet" },
  ...{ scale: "1,1", rotation: 0, hueSaturation: 0, valueShift: 0 },
  ...{ recipe: "none", optimiser: "adamw", weightDecay: 0.05, clip: 5 },
  ...{ schedule: "one-cycle", warmUp: 0.2, startDivisor: 10, endDivisor: 1000, milestones: "1/6,1/3,1/2" },
} as const satisfies Partial<Settings>;

/** What a run has by default, whatever it is trained on. */
const common = {
  task: "classify",
  model: "tiny",
  methods: comparison.join(","),
  fusion: "deep",
  privileged: "frozen",
  seed: 1,
  lr: 4e-3,
  ...addedLater,
  ...defaultWeights,
} as const;

/** The built-in scenes: sized so that the whole comparison trains in minutes on two processor cores. */
export const scenesPreset: Settings = {
  ...common,
  data: null,
  size: 32,
  scenes: "384,96,384",
  epochs: 6,
  privilegedEpochs: 6,
  batch: 24,
  smoothing: 0,
  crop: 0,
  flip: true,
  jitter: 0,
  gain: 0,
};

/** A dataset folder. Source: prototype.md §1 and §8. */
export const folderPreset: Settings = {
  ...common,
  data: "",
  size: null,
  scenes: null,
  epochs: 60,
  privilegedEpochs: 30,
  batch: 64,
  crop: 7 / 8,
  flip: true,
  jitter: 0.4,
  gain: 0.1,
};

/** What differs where pixels are classified, wherever they come from. Source: prototype.md §5. */
export const segmentPreset: Partial<Settings> = { ...segmentationWeights, fusion: "full", batch: 16 };

/** Images of the report's gallery. */
export const GALLERY_IMAGES = 8;

/** Longest time in seconds between two checkpoints. */
export const CHECKPOINT_SECONDS = 30;
