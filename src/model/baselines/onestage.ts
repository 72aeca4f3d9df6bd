import { add, mul } from "../../kernels/binary.ts";
import { dropout } from "../../kernels/dropout.ts";
import { reshape } from "../../kernels/shape.ts";
import { affine, clamp } from "../../kernels/unary.ts";
import { Conv2d } from "../../nn/layers.ts";
import { type Init, inference, Module, type Pass } from "../../nn/module.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type FusedStreams, hallucinating, multimodal, multimodalByOne } from "../architectures.ts";
import { privilegedNetwork } from "../gated.ts";
import {
  type Built,
  channels,
  type DeviceBatch,
  input,
  type Modality,
  type Parts,
  partFor,
  unlabelledOf,
  withoutTrace,
} from "../method.ts";
import { oneStageObjective, type Pair, singleObjective, transfers } from "../objective.ts";
import type { Gates, OneStageOutput } from "../onestage.ts";
import type { SingleNetwork, SingleOutput } from "../single.ts";
import { startFrom, startStream } from "../start.ts";

/** What such a network gives as a teacher: the fused head's scores and the fused maps. */
export function taught({ scores, fused }: OneStageOutput): SingleOutput {
  return { scores, ...fused };
}

/** Predicts a missing modality from H's deepest map; used while training only. */
class Restorer extends Module {
  readonly conv: Conv2d;

  constructor(init: Init, inputs: number, outputs: number) {
    super();
    this.conv = new Conv2d(init.at("conv"), inputs, outputs, { kernel: 1, bias: true });
  }
}

/**
 * The one-stage network with its privileged part, frozen or trained along; of three modalities, with a stream and a
 * privileged network for each of the two that are missing. Source: arXiv 2309.08204; method.md a.5 and a.6.
 */
export function oneStage(parts: Parts): Built {
  const { config, init, judge, available, missing } = parts;
  const { weights } = config;
  const { network, run, predict } = hallucinating(parts);
  const named = (part: string, modality: Modality) => partFor(part, modality, missing);
  const beside = new Map<string, Module>();
  const along = config.privileged === "online" && transfers(weights);
  const online = (along ? missing : []).map((modality) => {
    const part = named("privileged", modality);
    const privileged = privilegedNetwork(parts)(init.at(part), modality);
    beside.set(part, privileged);
    return privileged;
  });
  const restorers = (weights.restore > 0 ? missing : []).map((modality) => {
    const part = named("restorer", modality);
    const restorer = new Restorer(init.at(part), parts.deepest, channels[modality]);
    beside.set(part, restorer);
    return restorer;
  });
  const teachers = (batch: DeviceBatch, pass: Pass): SingleOutput[] => {
    if (!transfers(weights)) return [];
    if (along) return online.map((privileged, k) => privileged.forward(input(batch, missing[k]!), pass));
    if (config.teacher !== "both") return missing.map((own) => parts.teach(named("privileged", own), batch));
    const one = parts.teach("privileged", batch);
    return missing.map(() => one);
  };
  const teachesFused = weights.fused > 0;
  /** The fused head and the network that sees all, on a batch of which the former has said this. */
  const wholePair = (output: OneStageOutput, batch: DeviceBatch): Pair => [taught(output), parts.teach("all", batch)];
  /** What the streams, and the fused head where it is taught, give for the unlabelled images beside what they learn from. */
  const unlabelled = (batch: DeviceBatch, pass: Pass): { streams: Pair[]; whole: Pair[] } => {
    const beside = unlabelledOf(batch);
    if (!beside || !(transfers(weights) || teachesFused)) return { streams: [], whole: [] };
    const teaching = noGrad(() => teachers(beside, inference));
    if (teachesFused) {
      const output = run(beside, withoutTrace(pass));
      const streams = teaching.map((own, k): Pair => {
        const { scores, ...maps } = output.restored[k]!;
        return [{ scores: scores!, ...maps }, own];
      });
      return { streams, whole: [wholePair(output, beside)] };
    }
    const x = input(beside, available);
    const streams = network.restoring.map(({ encoder, head }, k): Pair => {
      const again = withoutTrace(pass);
      return [head!.forward(encoder.forward(x, again), x, again), teaching[k]!];
    });
    return { streams, whole: [] };
  };
  const begin = async () => {
    for (const [k, stream] of network.restoring.entries()) {
      await startStream(stream, parts.need(named("privileged", missing[k]!)).network);
    }
  };
  return {
    network,
    predict,
    beside,
    ...(config.hallInit === "privileged" ? { begin } : {}),
    loss(batch, pass) {
      const output = run(batch, pass);
      const restored = restorers.map(({ conv }, k) => ({
        predicted: conv.forward(output.restored[k]!.features.at(-1)!),
        truth: input(batch, missing[k]!),
      }));
      const teaching = teachers(batch, pass);
      const more = unlabelled(batch, pass);
      const privileged = missing.map((_, k) => ({
        ...{ output: teaching[k] ?? null, online: along, restored: restored[k] ?? null },
        more: more.streams.slice(k, k + 1),
      }));
      const whole = teachesFused ? [wholePair(output, batch), ...more.whole] : [];
      return oneStageObjective(output, privileged, input(batch, "target"), weights, judge, {
        ...{ whole, ramp: pass.ramp },
      });
    },
  };
}

/** The second stage of the two-stage control: H as it was trained, frozen; A, the translators and F learn on top. Source: method.md (b)10. */
export function twoStage(parts: Parts): Built {
  const { config, judge } = parts;
  const { network, run: runAll, predict } = hallucinating(parts);
  const run = (batch: DeviceBatch, pass: Pass) => runAll(batch, pass, { othersPass: inference, fusedOnly: true });
  return {
    network,
    predict,
    async begin() {
      const trained = parts.need("hallucination").network as SingleNetwork;
      await startFrom(network.h, trained.encoder);
      await startFrom(network.headH!, trained.head);
      network.h.freeze();
      network.headH!.freeze();
    },
    loss(batch, pass) {
      return oneStageObjective(run(batch, pass), [], input(batch, "target"), config.weights, judge);
    },
  };
}

/** A network of all modalities. Where `show` says what each step of training sees of them, the cross entropy alone teaches it. */
function allSeeing(
  parts: Parts,
  show?: (batch: DeviceBatch, pass: Pass) => { shown?: DeviceBatch; gates?: Gates },
): Built {
  const { config, judge } = parts;
  const { network, run, predict } = multimodal(parts);
  return {
    network,
    predict,
    loss(batch, pass) {
      const target = input(batch, "target");
      if (!show) return oneStageObjective(run(batch, pass), [], target, config.weights, judge);
      const { shown = batch, gates } = show(batch, pass);
      return singleObjective(run(shown, pass, gates), target, judge);
    },
    teach: (batch) => noGrad(() => taught(run(batch, inference))),
  };
}

/** The network with all modalities at test time: the upper bound. */
export function upperBound(parts: Parts): Built {
  return allSeeing(parts);
}

/**
 * Modality dropout: the upper bound's network, of whose streams each image drops some but never all, every combination
 * with the same probability: 1/3 each of two modalities, 1/7 each of three. Source: method.md (b)3.
 */
export function modalityDropout(parts: Parts): Built {
  const { modalities } = parts;
  return allSeeing(parts, (batch, pass) => ({
    gates: drawGates(input(batch, modalities.at(-1)!), pass, modalities.length),
  }));
}

/** The network that was trained with modality dropout, shown one modality alone. */
export function modalityDropped(parts: Parts): Built {
  return shownOne(parts, multimodalByOne(parts));
}

/**
 * ModDrop: the upper bound's network, which sees each modality of each image as zeros with probability 0.1, whatever it sees of
 * the others. Source: Neverova et al. 2016, as Garcia et al. 2019 (ADMD) compare with it; method.md (b)3.
 */
export function modDrop(parts: Parts): Built {
  return allSeeing(parts, (batch, pass) => {
    const images = parts.modalities.map((modality) => [modality, dropImages(input(batch, modality), pass)]);
    return { shown: { ...batch, ...Object.fromEntries(images) } };
  });
}

/** The images of x, but for a tenth of them at random, which are 0. */
export function dropImages(x: Tensor, pass: Pass): Tensor {
  return mul(x, asGate(flip(onesFor(x), 0.9, pass)));
}

/** The network that was trained with ModDrop, shown one modality alone, and zeros. */
export function modDropped(parts: Parts): Built {
  return shownOne(parts, multimodalByOne(parts, 1));
}

function shownOne(parts: Parts, { network, run, predict }: FusedStreams): Built {
  const { config, judge } = parts;
  return {
    network,
    predict,
    begin: () => startFrom(network, parts.need("trained").network),
    loss: (batch, pass) => oneStageObjective(run(batch, pass), [], input(batch, "target"), config.weights, judge),
  };
}

/** A one for each image of x: [N]. */
function onesFor(x: Tensor): Tensor {
  const n = x.shape[0]!;
  return x.device.upload(new Float32Array(n).fill(1), [n], "f32");
}

/** Factors [N] as those of each image's map, [N,1,1,1]. */
function asGate(open: Tensor): Tensor {
  return reshape(open, [open.shape[0]!, 1, 1, 1]);
}

/** 1 with this probability, else 0, for each of these ones. */
function flip(ones: Tensor, probability: number, pass: Pass): Tensor {
  // Dropout scales what it keeps.
  const scaled = dropout(ones, { p: 1 - probability, seed: pass.seed() });
  return clamp(affine(scaled, 2), 0, 1);
}

/**
 * For each image of x: the factors of two or three streams' maps, 0 or 1 each but never all 0, every such combination
 * with the same probability.
 */
export function drawGates(x: Tensor, pass: Pass, streams: number): Gates {
  const ones = onesFor(x);
  if (streams === 2) {
    const [some, which] = [2 / 3, 1 / 2].map((p) => flip(ones, p, pass)) as [Tensor, Tensor];
    const kept = (dropped: Tensor) => asGate(affine(mul(some, dropped), -1, 1));
    return { available: kept(which), others: [kept(affine(which, -1, 1))] };
  }
  const not = (open: Tensor) => affine(open, -1, 1);
  // 4 of 7 combinations have the first stream, and the other two are free then; of the 3 without it 2 have the second.
  const [first, second, third, instead] = [4 / 7, 1 / 2, 1 / 2, 2 / 3].map((p) => flip(ones, p, pass)) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const without = not(first);
  const others = [
    add(mul(first, second), mul(without, instead)),
    add(mul(first, third), mul(without, add(mul(instead, third), not(instead)))),
  ];
  return { available: asGate(first), others: others.map(asGate) };
}
