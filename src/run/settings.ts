import type { ModelName } from "../model/encoder.ts";
import type { FusionName } from "../model/fusion.ts";
import type { MethodName, Modality, NetworkConfig } from "../model/methods.ts";
import type { ObjectiveWeights } from "../model/objective.ts";
import type { Fusion } from "../model/onestage.ts";
import { type PlanOptions, planStages, type Stage } from "../model/plan.ts";
import type { Task } from "../model/task.ts";
import type { TrainConfig } from "../model/train.ts";
import { defaultOptimiser, type OptimiserConfig } from "../nn/optimiser.ts";
import type { Schedule } from "../nn/schedules.ts";
import type { DatasetFacts } from "./dataset.ts";

/** A named set of settings; "none" sets nothing. */
export type RecipeName = "none" | "nyuv2" | "cityscapes" | "casia-surf" | "mshnet";

/** Everything that decides what a run computes: the same settings give the same weights. */
export interface Settings extends ObjectiveWeights {
  task: Task;
  /** What the other settings were taken from where they were not given: it decides nothing by itself. */
  recipe: RecipeName;
  /** Absolute path of the dataset folder; null for the built-in scenes. */
  data: string | null;
  /** Side of the built-in scenes in pixels, and how many of them: "train,val,test", train anew in every epoch. Null with a folder. */
  size: number | null;
  scenes: string | null;
  /** What networks are trained with, joined by commas. */
  modalities: "rgb,depth" | "rgb,depth,ir";
  model: ModelName;
  /** Names of the methods, joined by commas. */
  methods: string;
  fusion: Fusion;
  fusionBlock: FusionName;
  /** What lies behind the convolution that mixes the streams at each fusion, before its ReLU. */
  fusionNorm: "batch" | "none";
  /** Bins along each axis of the context module's levels, joined by commas. */
  contextBins: "1,5" | "1,2,4,8";
  /** Absolute path of the weights that encoders start from; null where they start fresh. */
  pretrained: string | null;
  privileged: NetworkConfig["privileged"];
  /** What weighs the channels of P's maps behind each stage. */
  privilegedGates: NonNullable<NetworkConfig["privilegedGates"]>;
  /** What the hallucination stream learns from: the missing modality's network, or the RGB-D one. */
  teacher: NonNullable<NetworkConfig["teacher"]>;
  /** What hallucination streams start from, but for a stem that sees other channels. */
  hallInit: NonNullable<NetworkConfig["hallInit"]>;
  /** Epochs over which alpha, beta, jmmd, sigmoid and feature rise to their values; 0 for none. */
  ramp: number;
  /** How pixels of rare classes count in the task's losses. */
  classWeights: "equal" | "median";
  /** The part of the training split that is set aside and evaluated on, as "i/k"; "none" evaluates on val or test. */
  holdOut: string;
  epochs: number;
  privilegedEpochs: number;
  batch: number;
  seed: number;
  /** Absolute path of a dataset folder whose training images are learnt from without labels; null for none. */
  unlabelled: string | null;
  /** Windows of them in each step of the methods that learn from another network. */
  extra: number;
  /** Peak learning rate. */
  lr: number;
  /** The rule of the updates; SGD has Nesterov's momentum of 0.9. */
  optimiser: OptimiserConfig["kind"];
  /** Of weights, not of biases and batch norm: decoupled with AdamW, part of the gradient with Adam and SGD. */
  weightDecay: number;
  /** Largest global norm of the gradient; 0 for no limit. */
  clip: number;
  /** How the learning rate changes from step to step. */
  schedule: Schedule["kind"];
  /** Share of a training's steps in which the rate rises. */
  warmUp: number;
  /** One-cycle: the peak over the rate of the first step, and over that of the last. */
  startDivisor: number;
  endDivisor: number;
  /** Steps: the shares of a training, decimals or fractions joined by commas, behind which the rate is a tenth. */
  milestones: string;
  /** Augmentation: side of the random crop as a share of the shorter side (0: none), and the rest of `Augmentation`. */
  crop: number;
  flip: boolean;
  jitter: number;
  gain: number;
  /** "low,high". */
  scale: string;
  rotation: number;
  hueSaturation: number;
  valueShift: number;
  /** How maps and their gradients are kept. */
  precision: "f32" | "f16";
  /** Parts that a batch is worked through in, one after the other. */
  accumulate: number;
  /** Whether inner maps of residual blocks are computed again instead of kept. */
  recompute: "on" | "off";
}

/** What networks are trained with. */
export function modalitiesOf({ modalities }: Pick<Settings, "modalities">): Modality[] {
  return modalities.split(",") as Modality[];
}

/** The part of the settings that fixes a network's shape and objective. */
export function networkConfig(
  settings: Settings,
  { classes: names, classWeights = null }: Pick<DatasetFacts, "classes" | "classWeights">,
): NetworkConfig {
  const { task, model, fusion, fusionBlock, privileged, privilegedGates, teacher, hallInit, precision, recompute } =
    settings;
  const { hall, alpha, beta, lambda, temperature, smoothing, jmmd, sigmoid, restore, fused, kd } = settings;
  const { klPixels, aligned, jmmdEstimate, jmmdLayers, feature, featureLoss } = settings;
  const weights = {
    ...{ hall, alpha, beta, lambda, temperature, smoothing, jmmd, sigmoid, restore, fused, kd },
    ...{ klPixels, aligned, jmmdEstimate, jmmdLayers, feature, featureLoss },
  };
  const classes = names.length;
  return {
    task,
    model,
    modalities: modalitiesOf(settings),
    classes,
    fusion,
    fusionBlock,
    // Runs that a browser has kept from before there was a choice say nothing of these two.
    normalise: settings.fusionNorm !== "none",
    contextBins: settings.contextBins?.split(",").map(Number),
    privileged,
    privilegedGates,
    teacher,
    hallInit,
    weights,
    classWeights,
    precision,
    recompute: recompute === "on",
  };
}

/** The part of the settings that says how a network is trained in so many steps, with the peak `rate` times the set one; a ramp is in epochs of so many. */
export function trainConfig(settings: Settings, steps: number, { rate = 1, perEpoch = 1 } = {}): TrainConfig {
  const {
    ramp,
    lr,
    accumulate,
    optimiser: kind,
    weightDecay,
    clip,
    schedule,
    warmUp,
    startDivisor,
    endDivisor,
  } = settings;
  return {
    ...{ steps, learningRate: lr * rate, accumulate, ramp: ramp * perEpoch },
    optimiser: { ...defaultOptimiser, kind, weightDecay, clip },
    schedule: { kind: schedule, warmup: warmUp, startDivisor, endDivisor, milestones: sharesOf(settings.milestones) },
  };
}

/** Shares as numbers: "1/6,0.5" as 1/6 and 0.5; NaN where one is neither decimal nor fraction. */
export function sharesOf(milestones: string): number[] {
  return milestones.split(",").map((share) => {
    const [whole = "", over = "1", ...more] = share.split("/");
    const digits = [whole, over].every((part) => /^\d*\.?\d+$/.test(part)) && more.length === 0;
    return digits ? Number(whole) / Number(over) : Number.NaN;
  });
}

/** The stages that these settings ask for. */
export function stagesOf(settings: Settings): Stage[] {
  return planStages({ ...needsOf(settings), methods: methodNames(settings.methods) });
}

/** What of the settings decides which networks are trained, and for how long. */
export function needsOf(settings: Settings): Omit<PlanOptions, "methods"> {
  return { ...settings, weights: settings, modalities: modalitiesOf(settings) };
}

/** The numbers of built-in scenes. */
export function sceneCounts(scenes: string): { train: number; val: number; test: number } {
  const [train, val, test] = scenes.split(",").map(Number) as [number, number, number];
  return { train, val, test };
}

/** The methods that settings name. */
export function methodNames(list: string): MethodName[] {
  return list.split(",") as MethodName[];
}
