import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { drawGates } from "../../src/model/baselines/onestage.ts";
import {
  buildMethod,
  existsAmong,
  type Method,
  type MethodName,
  type Modality,
  methods,
  type NetworkConfig,
} from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { comparisonAmong, planStages } from "../../src/model/plan.ts";
import { Predictor } from "../../src/model/predictor.ts";
import { defaultTraining, type HostBatch, Trainer, upload } from "../../src/model/train.ts";
import { inference } from "../../src/nn/module.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const modalities = ["rgb", "depth", "ir"] as const;
const base: NetworkConfig = {
  ...{ model: "tiny", classes: 2, modalities, fusion: "deep", normalise: true, privileged: "frozen" },
  weights: { ...defaultWeights, smoothing: 0 },
};

/** Images whose class is their brightness, in every modality. */
function batchOf(seed: number): HostBatch & { ir: Float32Array } {
  const rng = new Rng(seed);
  const [size, side] = [6, 16];
  const target = Uint32Array.from({ length: size }, (_, i) => i % 2);
  const image = (channels: number) =>
    Float32Array.from({ length: size * side * side * channels }, (_, i) => {
      return target[Math.floor(i / (side * side * channels))]! - 0.5 + rng.uniform(-0.5, 0.5);
    });
  return { size, height: side, width: side, rgb: image(3), depth: image(1), ir: image(1), target };
}

const dispose = ({ network, trained }: Method) => {
  for (const module of new Set([network, ...trained.values()])) module.dispose();
};

/** Trains all stages that lead to a method; gives it, and each stage's losses. */
async function train(device: GpuDevice, name: MethodName, config: NetworkConfig, steps: number) {
  const built = new Map<MethodName, Method>();
  const losses = new Map<MethodName, number[]>();
  for (const stage of planStages({ ...config, methods: [name], epochs: 2, privilegedEpochs: 1 })) {
    const needed = Object.fromEntries(Object.entries(stage.needs).map(([part, need]) => [part, built.get(need)!]));
    const method = buildMethod(stage.name, device, new Rng(4, stage.name), config, needed);
    await method.begin?.();
    const trainer = new Trainer(device, method, defaultTraining(steps), new Rng(5));
    const own: number[] = [];
    for (let step = 0; step < steps && stage.epochs > 0; step++) {
      own.push((await trainer.step(batchOf(step))).losses.total!);
    }
    trainer.dispose();
    losses.set(stage.name, own);
    built.set(stage.name, method);
  }
  return { method: built.get(name)!, losses, done: () => [...built.values()].forEach(dispose) };
}

async function said(device: GpuDevice, method: Method, host: HostBatch): Promise<number[]> {
  const predictor = new Predictor(device, method);
  const images = await predictor.images(host);
  predictor.dispose();
  return images.flatMap(({ probabilities, averaged }) => [...probabilities, ...(averaged ?? [])]);
}

describe("with three modalities", () => {
  it.each([
    ["one-stage-rgb", {}],
    ["one-stage-ir", { privileged: "online", weights: { ...base.weights, restore: 0.5 } }],
    ["ir-only", {}],
    ["kd-all-rgb", {}],
    ["dropout-ir", {}],
    ["moddrop-ir", {}],
    ["mshnet-depth", {}],
    ["rgbd-ir", {}],
  ] as [MethodName, Partial<NetworkConfig>][])(
    "%s learns, and looks at nothing but what it sees",
    async (name, more) => {
      const device = await testDevice();
      const { method, losses, done } = await train(device, name, { ...base, ...more }, 12);
      for (const [stage, own] of losses) {
        const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
        if (own.length > 0) expect(mean(own.slice(-3)), stage).toBeLessThan(mean(own.slice(0, 3)));
      }
      const host = batchOf(99);
      const before = await said(device, method, host);
      for (const modality of modalities) {
        const changed = { ...host, [modality]: batchOf(7)[modality].map((value) => -value) };
        const after = await said(device, method, changed);
        const seen = methods[name].seen === "all" || methods[name].seen === modality;
        if (seen) expect(after, modality).not.toEqual(before);
        else expect(after, modality).toEqual(before);
      }
      done();
    },
  );

  it("each hallucination stream is held to the privileged network of its own modality", async () => {
    const device = await testDevice();
    // Nothing but the transfer terms.
    const config = { ...base, weights: { ...base.weights, hall: 0 } };
    const teacher = (modality: Modality, seed: number) =>
      buildMethod(`privileged-${modality}`, device, new Rng(seed), config);
    const [depth, other, ir, otherIr] = [teacher("depth", 1), teacher("depth", 2), teacher("ir", 3), teacher("ir", 4)];
    /** Gradients of the two streams' own heads, which only the transfer terms reach. */
    const heads = async (one: Method, two: Method) => {
      const needed = { "privileged-depth": one, "privileged-ir": two };
      const method = buildMethod("one-stage-rgb", device, new Rng(5), config, needed);
      const own = method.network.parameters();
      const named = ["head_h.", "more.0.head."].map((prefix) => [...own].find(([name]) => name.startsWith(prefix))![1]);
      const batch = upload(device, batchOf(3));
      const taken = scope(() => {
        backward(method.loss(batch, inference).total);
        return named.map((tensor) => tensor.grad!);
      });
      const gradients = await Promise.all(taken.map(async (gradient) => [...(await gradient.read())]));
      dispose(method);
      return gradients;
    };
    const plain = await heads(depth, ir);
    const [movedDepth, movedIr] = [await heads(other, ir), await heads(depth, otherIr)];
    expect(movedDepth[0]).not.toEqual(plain[0]);
    expect(movedDepth[1]).toEqual(plain[1]);
    expect(movedIr[0]).toEqual(plain[0]);
    expect(movedIr[1]).not.toEqual(plain[1]);
    for (const method of [depth, other, ir, otherIr]) dispose(method);
  });

  it("translates by three shared translators of a third of the channels each", async () => {
    const device = await testDevice();
    const network = buildMethod("one-stage-rgb", device, new Rng(1), base).network;
    const shapes = [...network.state()].filter(([name]) => name.startsWith("ctn.")).map(([name, t]) => [name, t.shape]);
    const first = Object.fromEntries(shapes);
    // 16 channels are not a multiple of 3: three times 6 then. Filters lie as [height, width, in, out].
    const widths = (level: number, part: string) => (first[`ctn.${level}.${part}.weight`] as number[]).slice(-2);
    const found = [0, 1, 2].map((level) =>
      [...widths(level, "translate"), ...widths(level, "mix")].sort((a, b) => a - b),
    );
    expect(found).toEqual([24, 48, 96].map((c) => [c, c, c, c]));
    const full = buildMethod("one-stage-rgb", device, new Rng(1), { ...base, fusion: "full" }).network;
    expect(full.state().get("ctn.0.translate.bias")!.size).toBe(18);
    network.dispose();
    full.dispose();
  });

  it("modality dropout leaves one, two or three of them, each combination a seventh of the time", async () => {
    const device = await testDevice();
    const x = device.upload(new Float32Array(7000), [7000, 1, 1, 1], "f32");
    let seed = 7;
    const { available, others } = drawGates(x, { training: true, seed: () => seed++ }, 3);
    const gates = await device.readMany([available, ...others!] as never[]);
    const counts = new Map<string, number>();
    for (let i = 0; i < 7000; i++) {
      const which = gates.map((gate) => gate[i]).join("");
      counts.set(which, (counts.get(which) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(["001", "010", "011", "100", "101", "110", "111"]);
    // Five standard deviations of a seventh of 7000.
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(147);
  });

  it("has the methods for three, and not those for two", () => {
    expect(comparisonAmong(modalities)).toContain("one-stage-ir");
    expect(comparisonAmong(modalities)).not.toContain("rgbd");
    expect(existsAmong("hoffman-rgb", modalities)).toBe(false);
    const stages = planStages({ ...base, methods: ["one-stage-rgb"], epochs: 2, privilegedEpochs: 1 });
    expect(stages.map(({ name }) => name)).toEqual(["privileged-depth", "privileged-ir", "one-stage-rgb"]);
    const taught = planStages({ ...base, teacher: "both", methods: ["one-stage-ir"], epochs: 2, privilegedEpochs: 1 });
    expect(taught.map(({ name }) => name)).toEqual(["rgbd-ir", "one-stage-ir"]);
  });
});
