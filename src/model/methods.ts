import type { Module, Pass } from "../nn/module.ts";
import { Init, inference } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { noGrad } from "../tensor/tape.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import { encoderConfig, type ModelName } from "./encoder.ts";
import { type Loss, type ObjectiveWeights, oneStageObjective, singleObjective } from "./objective.ts";
import { type Fusion, OneStageNetwork } from "./onestage.ts";
import { SingleNetwork } from "./single.ts";
import { scoresAt, type Task } from "./task.ts";

/** A modality: colour or depth. */
export type Modality = "rgb" | "depth";

/** What a network sees when it is used. */
export type Seen = Modality | "both";

/** The methods by name: how a network is trained and what it sees when used. */
export const methods = {
  "rgb-only": { title: "RGB only", seen: "rgb", role: "baseline" },
  "depth-only": { title: "Depth only", seen: "depth", role: "baseline" },
  "privileged-rgb": { title: "Privileged RGB network", seen: "rgb", role: "privileged" },
  "privileged-depth": { title: "Privileged depth network", seen: "depth", role: "privileged" },
  "one-stage-rgb": { title: "One-stage, RGB at test", seen: "rgb", role: "ours" },
  "one-stage-depth": { title: "One-stage, depth at test", seen: "depth", role: "ours" },
  rgbd: { title: "RGB-D", seen: "both", role: "upper bound" },
} as const satisfies Record<string, { title: string; seen: Seen; role: string }>;

/** A method's name. */
export type MethodName = keyof typeof methods;

/** What fixes a network's shape and objective; stored in config.json beside the weights. */
export interface NetworkConfig {
  /** Classify unless given. */
  task?: Task;
  model: ModelName;
  /** Number of classes of an image, or of a pixel. */
  classes: number;
  fusion: Fusion;
  /** Batch norm after each translator's mixing convolution. */
  normalise: boolean;
  /** Whether P is trained beforehand and frozen, or together with the rest. */
  privileged: "frozen" | "online";
  weights: ObjectiveWeights;
  /** Whether residual blocks keep less for the backward pass and compute it again; the results are the same. */
  recompute?: boolean;
  /** How maps and their gradients are kept, f32 by default; weights, statistics, scores and losses are f32 either way. */
  precision?: "f32" | "f16";
}

/** A batch on the device. */
export interface DeviceBatch {
  /** [N,H,W,3] and [N,H,W,1]; a modality that is not used may be missing. */
  rgb?: Tensor;
  depth?: Tensor;
  /** u32 [N], or [N,H,W] for pixels, 255 = not counted; needed for training only. */
  target?: Tensor;
}

/**
 * What a trained network says: class scores [N,classes], or [N,H,W,classes] for pixels, and those of the hallucination
 * head where there is one.
 */
export interface Prediction {
  logits: Tensor;
  hallucinated: Tensor | null;
  /** Last map of the stream that stands for the missing modality; null for single streams. */
  restored: Tensor | null;
}

/** A network with the way it is trained. */
export interface Method {
  name: MethodName;
  task: Task;
  seen: Seen;
  /** What is kept and deployed; it never contains P. */
  network: Module;
  /** Everything the optimiser updates: the network, and P where it is trained online. */
  trained: Map<string, Module>;
  /** Whether gradients are kept in f16, so that the loss must be scaled up. */
  half: boolean;
  loss(batch: DeviceBatch, pass: Pass): Loss;
  predict(batch: DeviceBatch): Prediction;
}

const channels = { rgb: 3, depth: 1 } as const;

/** The privileged network a method needs while training, if any. */
export function privilegedOf(name: MethodName): Modality | null {
  return name === "one-stage-rgb" ? "depth" : name === "one-stage-depth" ? "rgb" : null;
}

/**
 * Builds a method with fresh weights that depend on `rng` only.
 * @throws UsageError if a one-stage method is to be trained with a frozen P and none is given; for inference alone
 * none is needed.
 */
export function buildMethod(
  name: MethodName,
  device: Device,
  rng: Rng,
  config: NetworkConfig,
  privileged: SingleNetwork | null = null,
): Method {
  const { seen } = methods[name];
  const init = new Init(device, rng);
  const { task = "classify", classes } = config;
  const half = config.precision === "f16";
  const encoder = { ...encoderConfig(config.model), recompute: config.recompute ?? false, half };
  const single = (modality: Modality, at: Init) => new SingleNetwork(at, channels[modality], classes, encoder, task);
  if (name !== "rgbd" && privilegedOf(name) === null) {
    const modality = seen as Modality;
    const network = single(modality, init);
    const smoothing = methods[name].role === "privileged" ? 0 : config.weights.smoothing;
    return {
      name,
      task,
      seen,
      half,
      network,
      trained: new Map([["network", network]]),
      loss(batch, pass) {
        const output = network.forward(input(batch, modality), pass);
        return singleObjective(output, input(batch, "target"), smoothing);
      },
      predict(batch) {
        const x = input(batch, modality);
        const [scores] = network.forward(x, inference).scores;
        return { logits: scoresAt(x, scores!), hallucinated: null, restored: null };
      },
    };
  }
  const available: Modality = seen === "both" ? "rgb" : seen;
  const second: Modality = seen === "both" ? "depth" : seen;
  const network = new OneStageNetwork(init, {
    task,
    encoder,
    classes,
    available: channels[available],
    second: channels[second],
    fusion: config.fusion,
    normalise: config.normalise,
    hallucination: name !== "rgbd",
  });
  const trained = new Map<string, Module>([["network", network]]);
  const missing = privilegedOf(name);
  const online = missing !== null && config.privileged === "online";
  const teacher = online ? single(missing, init.at("privileged")) : (privileged?.freeze() ?? null);
  if (online) trained.set("privileged", teacher!);
  return {
    name,
    task,
    seen,
    half,
    network,
    trained,
    loss(batch, pass) {
      if (missing && !teacher)
        throw new UsageError(`${name}: expected a trained ${missing} network as privileged one, got none`);
      const output = network.forward(input(batch, available), input(batch, second), pass);
      const judge = () => teacher!.forward(input(batch, missing!), online ? pass : inference);
      const target = missing ? (online ? judge() : noGrad(judge)) : null;
      return oneStageObjective(output, target, input(batch, "target"), config.weights, online);
    },
    predict(batch) {
      const x = input(batch, available);
      const { scores, hallucinated, features } = network.forward(x, input(batch, second), inference);
      return {
        logits: scoresAt(x, scores[0]!),
        hallucinated: hallucinated && scoresAt(x, hallucinated[0]!),
        restored: features.at(-1)!,
      };
    },
  };
}

/** Runs a method's prediction without recording and frees everything but the result. */
export function predict(method: Method, batch: DeviceBatch): Prediction {
  return scope(() => noGrad(() => method.predict(batch)));
}

function input(batch: DeviceBatch, name: keyof DeviceBatch): Tensor {
  const tensor = batch[name];
  if (!tensor) throw new UsageError(`network: expected ${name} in the batch, got none`);
  return tensor;
}
