import { mul } from "../../kernels/binary.ts";
import { dropout } from "../../kernels/dropout.ts";
import { mean } from "../../kernels/reduce.ts";
import { concat, reshape } from "../../kernels/shape.ts";
import { affine } from "../../kernels/unary.ts";
import { Conv2d } from "../../nn/layers.ts";
import { type Init, inference, Module, type Pass } from "../../nn/module.ts";
import { noGrad } from "../../tensor/tape.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Built, channels, type DeviceBatch, input, type Modality, type Parts } from "../method.ts";
import { oneStageObjective, transfers } from "../objective.ts";
import { type Gates, OneStageNetwork, type OneStageOutput } from "../onestage.ts";
import type { SingleNetwork, SingleOutput } from "../single.ts";
import { startFrom } from "../start.ts";
import { scoresAt } from "../task.ts";

/** The two-stream network on a modality and, as second stream's input, on the same (hallucination) or another one. */
function twoStream(parts: Parts, [available, second]: readonly [Modality, Modality], hallucination: boolean) {
  const { task, encoder, config, init } = parts;
  return new OneStageNetwork(init, {
    task,
    encoder,
    classes: config.classes,
    available: channels[available],
    second: channels[second],
    fusion: config.fusion,
    fusionBlock: config.fusionBlock ?? "ctn",
    normalise: config.normalise,
    hallucination,
  });
}

/** What a two-stream network gives as a teacher: the fused head's scores and the fused maps. */
function taught({ scores, fused }: OneStageOutput): SingleOutput {
  return { scores, features: fused };
}

/** What is deployed of a two-stream network. */
function predicted(x: Tensor, { scores, hallucinated, features }: OneStageOutput) {
  return {
    logits: scoresAt(x, scores[0]!),
    hallucinated: hallucinated && scoresAt(x, hallucinated[0]!),
    restored: features.at(-1)!,
  };
}

/** Predicts the missing modality from H's deepest map; used while training only. */
class Restorer extends Module {
  readonly conv: Conv2d;

  constructor(init: Init, inputs: number, outputs: number) {
    super();
    this.conv = new Conv2d(init.at("conv"), inputs, outputs, { kernel: 1, bias: true });
  }
}

/** The one-stage network with its privileged part, frozen or trained along. Source: arXiv 2309.08204; method.md a.5. */
export function oneStage(parts: Parts): Built {
  const { config, init, judge, available, missing } = parts;
  const { weights } = config;
  const network = twoStream(parts, [available, available], true);
  const beside = new Map<string, Module>();
  let online: SingleNetwork | null = null;
  if (config.privileged === "online" && transfers(weights)) {
    online = parts.single(init.at("privileged"), missing);
    beside.set("privileged", online);
  }
  const restorer = weights.restore > 0 ? new Restorer(init.at("restorer"), parts.deepest, channels[missing]) : null;
  if (restorer) beside.set("restorer", restorer);
  const teaching = (batch: DeviceBatch, pass: Pass): SingleOutput | null =>
    !transfers(weights)
      ? null
      : online
        ? online.forward(input(batch, missing), pass)
        : parts.need("privileged").teach(batch);
  return {
    network,
    beside,
    loss(batch, pass) {
      const x = input(batch, available);
      const output = network.forward(x, x, pass);
      const restored = restorer && {
        predicted: restorer.conv.forward(output.features.at(-1)!),
        truth: input(batch, missing),
      };
      const privileged = { output: teaching(batch, pass), online: online !== null, restored };
      return oneStageObjective(output, privileged, input(batch, "target"), weights, judge);
    },
    teach: (batch) =>
      noGrad(() => taught(network.forward(input(batch, available), input(batch, available), inference))),
    predict(batch) {
      const x = input(batch, available);
      return predicted(x, network.forward(x, x, inference));
    },
  };
}

/** The second stage of the two-stage control: H as it was trained, frozen; A, the translators and F learn on top. Source: method.md (b)10. */
export function twoStage(parts: Parts): Built {
  const { config, judge, available } = parts;
  const network = twoStream(parts, [available, available], true);
  const frozen = { secondPass: inference };
  const run = (batch: DeviceBatch, pass: Pass) =>
    network.forward(input(batch, available), input(batch, available), pass, frozen);
  return {
    network,
    async begin() {
      const trained = parts.need("hallucination").network as SingleNetwork;
      await startFrom(network.h, trained.encoder);
      await startFrom(network.headH!, trained.head);
      network.h.freeze();
      network.headH!.freeze();
    },
    loss(batch, pass) {
      const output = { ...run(batch, pass), hallucinated: null };
      return oneStageObjective(output, null, input(batch, "target"), config.weights, judge);
    },
    teach: (batch) => noGrad(() => taught(run(batch, inference))),
    predict: (batch) => predicted(input(batch, available), run(batch, inference)),
  };
}

/** The two-stream network with both modalities at test time: the upper bound. */
export function rgbd(parts: Parts): Built {
  const { config, judge } = parts;
  const network = twoStream(parts, ["rgb", "depth"], false);
  const run = (batch: DeviceBatch, pass: Pass) => network.forward(input(batch, "rgb"), input(batch, "depth"), pass);
  return {
    network,
    loss: (batch, pass) => oneStageObjective(run(batch, pass), null, input(batch, "target"), config.weights, judge),
    teach: (batch) => noGrad(() => taught(run(batch, inference))),
    predict: (batch) => predicted(input(batch, "rgb"), run(batch, inference)),
  };
}

/**
 * Modality dropout: the upper bound's network, of whose two streams each image drops the colour's maps, the depth's, or
 * none, each with probability 1/3. Source: method.md (b)3.
 */
export function modalityDropout(parts: Parts): Built {
  const { config, judge } = parts;
  const network = twoStream(parts, ["rgb", "depth"], false);
  return {
    network,
    loss(batch, pass) {
      const [rgb, depth] = [input(batch, "rgb"), input(batch, "depth")];
      const output = network.forward(rgb, depth, pass, drawGates(depth, pass));
      return oneStageObjective(output, null, input(batch, "target"), config.weights, judge);
    },
    teach: (batch) => noGrad(() => taught(network.forward(input(batch, "rgb"), input(batch, "depth"), inference))),
    predict: (batch) =>
      predicted(input(batch, "rgb"), network.forward(input(batch, "rgb"), input(batch, "depth"), inference)),
  };
}

/** The network that was trained with modality dropout, shown one modality alone. */
export function modalityDropped(parts: Parts): Built {
  const { config, judge, available } = parts;
  const network = twoStream(parts, ["rgb", "depth"], false);
  const run = (batch: DeviceBatch, pass: Pass) => {
    const x = input(batch, available);
    // The other stream runs on nothing, and its maps count nothing.
    const nothing = affine(available === "rgb" ? mean(x, { axes: [3], keepDims: true }) : concat([x, x, x], 3), 0);
    return available === "rgb"
      ? network.forward(x, nothing, pass, { second: 0 })
      : network.forward(nothing, x, pass, { available: 0 });
  };
  return {
    network,
    begin: () => startFrom(network, parts.need("trained").network),
    loss: (batch, pass) => oneStageObjective(run(batch, pass), null, input(batch, "target"), config.weights, judge),
    teach: (batch) => noGrad(() => taught(run(batch, inference))),
    predict: (batch) => predicted(input(batch, available), run(batch, inference)),
  };
}

/** For each image of x: the factors of both streams' maps, (1,0), (0,1) or (1,1), each with probability 1/3. */
export function drawGates(x: Tensor, pass: Pass): Gates {
  const n = x.shape[0]!;
  const ones = affine(mean(reshape(x, [n, x.size / n]), { axes: [1] }), 0, 1);
  // Dropout scales what it keeps.
  const some = affine(dropout(ones, { p: 1 / 3, seed: pass.seed() }), 2 / 3);
  const which = affine(dropout(ones, { p: 1 / 2, seed: pass.seed() }), 1 / 2);
  const gate = (dropped: Tensor) => reshape(affine(mul(some, dropped), -1, 1), [n, 1, 1, 1]);
  return { available: gate(which), second: gate(affine(which, -1, 1)) };
}
