import { add, average, mul } from "../kernels/binary.ts";
import { softmax } from "../kernels/softmax.ts";
import { affine, clamp, log } from "../kernels/unary.ts";
import { type Init, inference, type Module, type Pass } from "../nn/module.ts";
import { sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type EncoderConfig, encoderConfig } from "./encoder.ts";
import {
  channels,
  type DeviceBatch,
  input,
  type Modality,
  missingFrom,
  type NetworkConfig,
  type Prediction,
  twoModalities,
} from "./method.ts";
import { OneStageNetwork, type OneStageOutput, type RunOptions } from "./onestage.ts";
import { SingleNetwork } from "./single.ts";
import { TwoStreams, WeightedStreams } from "./streams.ts";
import { scoresAt, type Task } from "./task.ts";

/** What fixes a network's shape, however it is trained. */
export type ShapeConfig = Pick<
  NetworkConfig,
  | ("task" | "model" | "modalities" | "classes" | "fusion" | "fusionBlock" | "normalise" | "contextBins")
  | ("recompute" | "precision")
>;

/** What a network is built from. */
export interface NetworkParts {
  readonly init: Init;
  readonly shape: ShapeConfig;
  readonly task: Task;
  readonly encoder: EncoderConfig;
  /** What the network sees when it is used; colour where that is more than one modality. */
  readonly available: Modality;
  /** The other modalities: one, or two. */
  readonly missing: readonly Modality[];
  /** All that networks are trained with. */
  readonly modalities: readonly Modality[];
  /** A fresh single-modality network. */
  single(at: Init, modality: Modality): SingleNetwork;
}

/** A network with the way it predicts: all that is left of a method when it is deployed. */
export interface Deployed<Network extends Module = Module> {
  network: Network;
  predict(batch: DeviceBatch): Prediction;
}

/** What networks for this modality at test time are built from. */
export function networkParts(init: Init, shape: ShapeConfig, available: Modality): NetworkParts {
  const { task = "classify", modalities = twoModalities } = shape;
  const encoder = {
    ...encoderConfig(shape.model),
    ...{ bins: shape.contextBins, recompute: shape.recompute ?? false, half: shape.precision === "f16" },
  };
  const missing = missingFrom(modalities, available);
  const single = (at: Init, modality: Modality) =>
    new SingleNetwork(at, channels[modality], shape.classes, encoder, task);
  return { init, shape, task, encoder, available, missing, modalities, single };
}

/** One stream on the available modality. */
export function singleStream(parts: NetworkParts): Deployed<SingleNetwork> {
  const { available } = parts;
  const network = parts.single(parts.init, available);
  return {
    network,
    predict(batch) {
      const x = input(batch, available);
      const [scores] = network.forward(x, inference).scores;
      return { logits: scoresAt(x, scores!), hallucinated: null, restored: null };
    },
  };
}

/** Two streams, on the available modality both unless others are said, whose predictions are joined: scores are averaged. */
export function twoStreams(
  parts: NetworkParts,
  modalities: readonly [Modality, Modality] = [parts.available, parts.available],
  join: (a: Tensor, h: Tensor) => Tensor = average,
): Deployed<TwoStreams> {
  const network = new TwoStreams(parts.init, parts, modalities);
  return {
    network,
    predict(batch) {
      const [x, second] = modalities.map((modality) => input(batch, modality)) as [Tensor, Tensor];
      const { a, h } = network.forward(x, second, inference);
      const logits = scoresAt(x, join(a.scores[0]!, h.scores[0]!));
      return { logits, hallucinated: null, restored: h.features.at(-1)! };
    },
  };
}

/** Two networks of the available modality whose probabilities are averaged. */
export function ensembleOfTwo(parts: NetworkParts): Deployed<TwoStreams> {
  const { available } = parts;
  return twoStreams(parts, [available, available], (a, h) => joinProbabilities([a, h]));
}

/** Two streams on the available modality whose scores are summed with learnt weights. */
export function weightedStreams(parts: NetworkParts): Deployed<WeightedStreams> & {
  scores(batch: DeviceBatch): Tensor[];
} {
  const { available } = parts;
  const network = new WeightedStreams(parts.init, parts, available);
  const scores = (batch: DeviceBatch): Tensor[] => {
    const x = input(batch, available);
    const { a, h } = network.forward(x, x, inference);
    return a.scores.map((scale, i) => add(mul(scale, network.weightA), mul(h.scores[i]!, network.weightH)));
  };
  const predict = (batch: DeviceBatch) => ({
    logits: scoresAt(input(batch, available), scores(batch)[0]!),
    hallucinated: null,
    restored: null,
  });
  return { network, predict, scores };
}

/** Fused streams with the way they run on a batch. */
export interface FusedStreams extends Deployed<OneStageNetwork> {
  run(batch: DeviceBatch, pass: Pass, options?: RunOptions): OneStageOutput;
}

/** The network whose streams all see the available modality: those of the missing ones hallucinate. */
export function hallucinating(parts: NetworkParts): FusedStreams {
  const { available, missing } = parts;
  const others = missing.map(() => available);
  const network = streamsOn(parts, available, others, true);
  const run = (batch: DeviceBatch, pass: Pass, options?: RunOptions) => {
    const x = input(batch, available);
    const same = others.map(() => x);
    return network.forward(x, same, pass, options);
  };
  return { network, run, predict: (batch) => predicted(input(batch, available), run(batch, inference)) };
}

/** The network whose streams each see their own modality. */
export function multimodal(parts: NetworkParts): FusedStreams {
  const [first, ...others] = parts.modalities as [Modality, ...Modality[]];
  const network = streamsOn(parts, first, others, false);
  const run = (batch: DeviceBatch, pass: Pass, options?: RunOptions) => {
    const rest = others.map((modality) => input(batch, modality));
    return network.forward(input(batch, first), rest, pass, options);
  };
  return { network, run, predict: (batch) => predicted(input(batch, first), run(batch, inference)) };
}

/** The same network where only the available modality is there: the other streams run on zeros, and count nothing unless told. */
export function multimodalByOne(parts: NetworkParts, absent: 0 | 1 = 0): FusedStreams {
  const { available, modalities } = parts;
  const { network, run: runAll } = multimodal(parts);
  const gates = modalities.map((modality) => (modality === available ? 1 : absent));
  const [first, ...others] = gates as [number, ...number[]];
  const run = (batch: DeviceBatch, pass: Pass) => {
    const x = input(batch, available);
    const images = modalities.map((modality) => [
      modality,
      modality === available ? x : nothing(x, channels[modality]),
    ]);
    return runAll(Object.fromEntries(images), pass, { available: first, others });
  };
  return { network, run, predict: (batch) => predicted(input(batch, available), run(batch, inference)) };
}

/** The networks that methods deploy, by name. */
export const architectures = {
  single: singleStream,
  ensemble: ensembleOfTwo,
  mean: (parts: NetworkParts) => twoStreams(parts),
  "mean-of-both": (parts: NetworkParts) => twoStreams(parts, [parts.available, parts.missing[0]!]),
  weighted: weightedStreams,
  hallucinating,
  multimodal,
  "multimodal-by-one": (parts: NetworkParts) => multimodalByOne(parts),
  "multimodal-of-zeros": (parts: NetworkParts) => multimodalByOne(parts, 1),
} as const satisfies Record<string, (parts: NetworkParts) => Deployed>;

/** The name of a network's form. */
export type ArchitectureName = keyof typeof architectures;

/** Scores [...,K] whose probabilities are the mean of those of several networks' scores. */
export function joinProbabilities(scores: readonly Tensor[]): Tensor {
  const sum = scores.map((own) => softmax(own)).reduce(add);
  // Logarithms of probabilities are scores that give these probabilities again.
  return log(clamp(affine(sum, 1 / scores.length), 1e-12, 1));
}

/** Scores of the mean of the fused head's probabilities and the hallucination head's; null without such a head. */
export function averagedScores({ logits, hallucinated }: Prediction): Tensor | null {
  return hallucinated && joinProbabilities([logits, hallucinated]);
}

/** The network of a stream on a modality and others, on the same (hallucination) or on modalities of their own. */
function streamsOn(parts: NetworkParts, available: Modality, others: readonly Modality[], hallucination: boolean) {
  const { task, encoder, shape, init } = parts;
  return new OneStageNetwork(init, {
    task,
    encoder,
    classes: shape.classes,
    available: channels[available],
    others: others.map((modality) => channels[modality]),
    fusion: shape.fusion,
    fusionBlock: shape.fusionBlock ?? "ctn",
    normalise: shape.normalise,
    hallucination,
  });
}

/** What fused streams say of the images x. */
export function predicted(x: Tensor, { scores, restored }: OneStageOutput): Prediction {
  const heads = restored.flatMap((stream) => (stream.scores ? [scoresAt(x, stream.scores[0]!)] : []));
  return {
    logits: scoresAt(x, scores[0]!),
    hallucinated: heads.length > 1 ? joinProbabilities(heads) : (heads[0] ?? null),
    restored: restored[0]!.features.at(-1)!,
  };
}

/** Zeros with the extents of images x and so many channels. */
function nothing(x: Tensor, channels: number): Tensor {
  const shape = [...x.shape.slice(0, 3), channels];
  return x.device.upload(new Float32Array(sizeOf(shape)), shape, x.dtype);
}
