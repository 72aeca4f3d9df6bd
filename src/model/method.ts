import type { Module, Pass } from "../nn/module.ts";
import { UsageError } from "../tensor/errors.ts";
import { noGrad } from "../tensor/tape.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import type { NetworkParts } from "./architectures.ts";
import type { ModelName } from "./encoder.ts";
import type { FusionName } from "./fusion.ts";
import type { Judge } from "./judge.ts";
import type { MethodName } from "./methods.ts";
import type { Loss, ObjectiveWeights } from "./objective.ts";
import type { Fusion } from "./onestage.ts";
import type { SingleOutput } from "./single.ts";
import type { Task } from "./task.ts";

/** A modality: colour, depth or infrared. */
export type Modality = "rgb" | "depth" | "ir";

/** All modalities, in the order in which networks are given them. */
export const modalityNames: readonly Modality[] = ["rgb", "depth", "ir"];

/** What a network sees when it is used: one modality, colour and depth, or all three. */
export type Seen = Modality | "both" | "all";

/** Channels of a modality's images. */
export const channels: Readonly<Record<Modality, number>> = { rgb: 3, depth: 1, ir: 1 };

/** The modalities that networks are trained with, unless something else is said. */
export const twoModalities: readonly Modality[] = ["rgb", "depth"];

/** The modalities that are missing at test time, where one of those that networks are trained with is there. */
export function missingFrom(modalities: readonly Modality[], available: Modality): Modality[] {
  return modalities.filter((modality) => modality !== available);
}

/** The name of what is there once for each missing modality: plain where one is missing, else with the modality's. */
export function partFor(part: string, modality: Modality, missing: readonly Modality[]): string {
  return missing.length === 1 ? part : `${part}-${modality}`;
}

/** What fixes a network's shape and objective; stored in config.json beside the weights. */
export interface NetworkConfig {
  /** Classify unless given. */
  task?: Task;
  model: ModelName;
  /** What networks are trained with: colour and depth unless given, or infrared too. */
  modalities?: readonly Modality[];
  /** Number of classes of an image, or of a pixel. */
  classes: number;
  fusion: Fusion;
  /** What fuses two streams; cross translation unless given. */
  fusionBlock?: FusionName;
  /** Batch norm after each translator's mixing convolution. */
  normalise: boolean;
  /** Bins of the decoder's context module where pixels are classified; 1 and 5 unless given. */
  contextBins?: readonly number[];
  /** Whether P is trained beforehand and frozen, or together with the rest. */
  privileged: "frozen" | "online";
  /** Whether the channels of P's maps are weighed behind each stage (squeeze and excitation); not unless given. */
  privilegedGates?: "none" | "se";
  /** What a hallucination stream learns from: the network of its missing modality (the default), or that of all modalities. */
  teacher?: "missing" | "both";
  /** Whether a hallucination stream starts fresh (the default), or from the network of its missing modality, frozen. */
  hallInit?: "fresh" | "privileged";
  weights: ObjectiveWeights;
  /** Weight of each class in the task's cross entropies; equal without them. */
  classWeights?: readonly number[] | null;
  /** Whether residual blocks keep less for the backward pass and compute it again; the results are the same. */
  recompute?: boolean;
  /** How maps and their gradients are kept, f32 by default; weights, statistics, scores and losses are f32 either way. */
  precision?: "f32" | "f16";
}

/** A batch on the device. */
export interface DeviceBatch {
  /** Colour [N,H,W,3], depth and infrared [N,H,W,1]; a modality that is not used may be missing. */
  rgb?: Tensor;
  depth?: Tensor;
  ir?: Tensor;
  /** u32 [N], or [N,H,W] for pixels, 255 = not counted; needed for training only. */
  target?: Tensor;
  /** The same modalities of other images, which have no labels: what only transfer terms learn from. */
  moreRgb?: Tensor;
  moreDepth?: Tensor;
  moreIr?: Tensor;
}

/**
 * What a trained network says: class scores [N,classes], or [N,H,W,classes] for pixels, and those of the hallucination
 * head where there is one; of several such heads, scores that give the mean of their probabilities.
 */
export interface Prediction {
  logits: Tensor;
  hallucinated: Tensor | null;
  /** Last map of the second stream, which is H's where there is one; null for single streams. */
  restored: Tensor | null;
}

/** Who answers: the fused head alone, or the mean of its probabilities and those of the hallucination head. */
export type Answering = "fused" | "averaged";

/** Both, the default first. */
export const answeringHeads: readonly Answering[] = ["fused", "averaged"];

/** A network with the way it is trained. */
export interface Method {
  name: MethodName;
  task: Task;
  seen: Seen;
  /** What is kept and deployed; it never contains P. */
  network: Module;
  /** Everything the optimiser updates, with what is checkpointed beside it: the network, P where it is trained online, … */
  trained: Map<string, Module>;
  /** Whether gradients are kept in f16, so that the loss must be scaled up. */
  half: boolean;
  /** Takes the weights to start from out of the networks it needs; absent where all weights start fresh. */
  begin?(): Promise<void>;
  loss(batch: DeviceBatch, pass: Pass): Loss;
  /** Scores of all scales and aligned maps without a gradient: what another network learns from. Absent where none does. */
  teach?(batch: DeviceBatch): SingleOutput;
  predict(batch: DeviceBatch): Prediction;
}

/** What a method is built from. */
export interface Parts extends NetworkParts {
  readonly config: NetworkConfig;
  /** What the task's cross entropies are: part of what is trained, for it may hold class weights. */
  readonly judge: Judge;
  /** Channels of the deepest aligned map. */
  readonly deepest: number;
  /** A network that was trained before, by what it is for. @throws UsageError while training without it. */
  need(part: string): Method;
  /** What such a network says of a batch. */
  teach(part: string, batch: DeviceBatch): SingleOutput;
}

/** What a builder must say about its method; the rest is the same for all. */
export type Built = Omit<Method, "name" | "task" | "seen" | "half" | "trained"> & {
  /** What is trained beside the network. */
  beside?: ReadonlyMap<string, Module>;
};

/** Runs a method's prediction without recording and frees everything but the result. */
export function predict(method: Method, batch: DeviceBatch): Prediction {
  return scope(() => noGrad(() => method.predict(batch)));
}

/** The unlabelled images beside a batch, as a batch of their own; null where there are none. */
export function unlabelledOf({ moreRgb: rgb, moreDepth: depth, moreIr: ir }: DeviceBatch): DeviceBatch | null {
  return rgb && depth ? { rgb, depth, ...(ir && { ir }) } : null;
}

/** A training pass that leaves no trace in running statistics: for images that are not like those of test time. */
export function withoutTrace(pass: Pass): Pass {
  return { training: pass.training, repeated: true, seed: () => pass.seed() };
}

/** A part of a batch. @throws UsageError if it is not there. */
export function input(batch: DeviceBatch, name: keyof DeviceBatch): Tensor {
  const tensor = batch[name];
  if (!tensor) throw new UsageError(`network: expected ${name} in the batch, got none`);
  return tensor;
}
