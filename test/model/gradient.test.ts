import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import type { FusionName } from "../../src/model/fusion.ts";
import { Judge } from "../../src/model/judge.ts";
import { defaultWeights, oneStageObjective } from "../../src/model/objective.ts";
import { type Fusion, OneStageNetwork } from "../../src/model/onestage.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import type { Task } from "../../src/model/task.ts";
import { Init, type Pass } from "../../src/nn/module.ts";
import type { Device } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";
import { OracleDevice, valuesOf } from "../oracle/device.ts";
import { type FrozenTape, withFrozen } from "../oracle/index.ts";
import { smallEncoder } from "./small.ts";

const encoder = { ...smallEncoder, squeeze: 2 };
const classes = 3;
const height = 16;
const training: Pass = { training: true, seed: () => 1 };

/** Length of a tensor as a vector. */
async function normOf(tensor: Tensor): Promise<number> {
  return Math.hypot(...((await tensor.read()) as Float32Array));
}

/** A miniature one-stage network with the frozen privileged network of each missing modality and one batch, the same numbers on every device. */
function miniature(device: Device, task: Task, fusion: Fusion, fusionBlock: FusionName, missing: number) {
  // For pixels an odd map inside, whose coarser scale is not just half of it.
  const [batch, width] = task === "classify" ? [5, 16] : [3, 12];
  const pixels = batch * height * width;
  const rng = new Rng(3);
  const init = new Init(device, rng);
  const streams = { available: 3, others: Array.from({ length: missing }, () => 3), hallucination: true };
  const config = { task, encoder, classes, ...streams, fusion, fusionBlock, normalise: true };
  const network = new OneStageNetwork(init.at("network"), config);
  const privileged = ["privileged", "second"].slice(0, missing).map((name) => {
    return new SingleNetwork(init.at(name), 1, classes, encoder, task).freeze();
  });
  const judge = new Judge(init, null, 0.1);
  // Biases of exactly 0 would put dead pixels on the kink of ReLU, where central differences mean nothing.
  for (const [name, parameter] of network.parameters()) {
    if (parameter.shape.length > 1) continue;
    const stream = rng.fork(name);
    const centre = name.endsWith("weight") ? 1 : 0;
    const values = Float32Array.from({ length: parameter.size }, () => centre + stream.uniform(0.05, 0.25));
    device.write(parameter, values);
  }
  const uniform = (name: string, count: number) => {
    const data = new Float32Array(count);
    const stream = rng.fork(name);
    for (let i = 0; i < count; i++) data[i] = stream.uniform(-1, 1);
    return data;
  };
  const rgb = device.upload(uniform("rgb", pixels * 3), [batch, height, width, 3], "f32");
  const sensed = ["depth", "ir"].map((name) => device.upload(uniform(name, pixels), [batch, height, width, 1], "f32"));
  const labels = rng.fork("labels");
  const target =
    task === "classify"
      ? device.upload([0, 2, 1, 1, 0], [batch], "u32")
      : device.upload(
          Array.from({ length: pixels }, () => (labels.bernoulli(0.2) ? 255 : labels.int(classes))),
          [batch, height, width],
          "u32",
        );
  // A weight of 0.3 on the translation loss: at its default its gradients would hide in the others'.
  const weights = { ...defaultWeights, lambda: 0.3 };
  const loss = () => {
    const taught = privileged.map((own, k) => noGrad(() => own.forward(sensed[k]!, training)));
    const held = taught.map((output) => ({ output, online: false }));
    const same = privileged.map(() => rgb);
    return oneStageObjective(network.forward(rgb, same, training), held, target, weights, judge);
  };
  return { network, loss };
}

describe.each([
  ["classify", "deep", "ctn", 1],
  ["classify", "mid", "ctn-unshared", 1],
  ["classify", "mid", "ctn-conv", 1],
  ["classify", "mid", "add", 1],
  ["classify", "mid", "se-add", 1],
  ["classify", "mid", "concat", 1],
  ["classify", "mid", "logits", 1],
  ["segment", "full", "ctn", 1],
  ["classify", "deep", "ctn", 2],
  ["classify", "mid", "ctn-unshared", 2],
  ["classify", "mid", "ctn-conv", 2],
  ["classify", "mid", "se-add", 2],
  ["classify", "mid", "concat", 2],
  ["classify", "mid", "logits", 2],
  ["segment", "mid", "ctn", 2],
] as const)("the whole one-stage network, to %s, fused %s by %s, %s missing", (task, fusion, block, missing) => {
  it("has the loss terms and gradients of its float64 reference", async () => {
    const device = await testDevice();
    const gpu = miniature(device, task, fusion, block, missing);
    const { total, parts, gradients } = scope(() => {
      const loss = gpu.loss();
      backward(loss.total);
      return { ...loss, gradients: [...gpu.network.parameters()].map(([name, p]) => [name, p.grad!] as const) };
    });
    const reference = miniature(new OracleDevice(), task, fusion, block, missing);
    const tape: FrozenTape = [];
    const evaluate = (mode: "record" | "replay") =>
      withFrozen(mode, tape, () => scope(() => noGrad(() => valuesOf(reference.loss().total)[0]!)));
    const expected = evaluate("record");
    expect(Math.abs((await total.item()) - expected)).toBeLessThan(1e-5 * Math.abs(expected));
    const terms = ["task", "hall", "mmd", "kl", ...(block.startsWith("ctn") ? ["translation", "translator"] : [])];
    expect(Object.keys(parts)).toEqual(terms);

    const parameters = reference.network.parameters();
    expect(gradients.length).toBe(parameters.size);
    // In float64 a tiny step is exact enough, and seldom crosses a kink of ReLU or max-pool, where a slope means nothing.
    const eps = 1e-7;
    // A bias in front of batch norm has no gradient but what rounding leaves of a sum that cancels: it is measured by its
    // weights' gradient.
    const cancelled = new Map<string, number>();
    for (const [name, gradient] of gradients) {
      if (/conv1x3_\d\.weight$/.test(name)) cancelled.set(name.replace("weight", "bias"), await normOf(gradient));
    }
    for (const [name, gradient] of gradients) {
      const got = (await gradient.read()) as Float32Array;
      const values = valuesOf(parameters.get(name)!);
      const start = values.slice();
      const norm = await normOf(gradient);
      const rng = new Rng(9, name);
      const directions = [
        // Along the gradient nothing can cancel; across it, a random direction finds what is missing.
        Float64Array.from(got, (g) => (norm > 0 ? g / norm : 1)),
        Float64Array.from(got, () => rng.normal()),
      ];
      for (const direction of directions) {
        const length = Math.sqrt(direction.reduce((sum, d) => sum + d * d, 0));
        const at = (step: number) => {
          for (let i = 0; i < values.length; i++) values[i] = start[i]! + (step / length) * direction[i]!;
          return evaluate("replay");
        };
        const slope = ((at(eps) - at(-eps)) / (2 * eps)) * length;
        values.set(start);
        const expectedSlope = got.reduce((sum, g, i) => sum + g * direction[i]!, 0);
        const tolerance = 2e-3 * Math.max(norm, cancelled.get(name) ?? 0, 1e-4);
        expect(Math.abs(slope - expectedSlope), `${name}: ${expectedSlope} against ${slope}`).toBeLessThan(tolerance);
      }
      gradient.dispose();
    }
  }, 180_000);
});
