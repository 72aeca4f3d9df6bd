import { describe, expect, it } from "vitest";
import {
  buildMethod,
  existsAmong,
  type Method,
  type MethodName,
  methods,
  type NetworkConfig,
  type Read,
  twoModalities,
} from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { planStages } from "../../src/model/plan.ts";
import { Predictor } from "../../src/model/predictor.ts";
import { defaultTraining, type HostBatch, Trainer } from "../../src/model/train.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

const classes = 3;
const names = (Object.keys(methods) as MethodName[]).filter((name) => existsAmong(name, twoModalities));
const base: NetworkConfig = {
  ...{ model: "tiny", classes, fusion: "deep", normalise: true, privileged: "frozen", teacher: "missing" },
  weights: defaultWeights,
};

/** Images, or halves of images, whose class is their brightness. */
function batchOf(seed: number, task: "classify" | "segment", size = 6, side = 16): HostBatch {
  const rng = new Rng(seed);
  const pixels = side * side;
  const label = Uint32Array.from({ length: 2 * size }, () => rng.int(classes));
  const classAt = (pixel: number) => {
    const image = Math.floor(pixel / pixels);
    return label[2 * image + (task === "segment" && (pixel % pixels) * 2 >= pixels ? 1 : 0)]!;
  };
  const image = (channels: number) =>
    Float32Array.from({ length: size * pixels * channels }, (_, i) => {
      return classAt(Math.floor(i / channels)) - 1 + rng.uniform(-0.3, 0.3);
    });
  const target =
    task === "segment"
      ? Uint32Array.from({ length: size * pixels }, (_, i) => classAt(i))
      : Uint32Array.from({ length: size }, (_, i) => label[2 * i]!);
  return { size, height: side, width: side, rgb: image(3), depth: image(1), target };
}

/** Trains all stages that lead to a method, each for so many steps; gives the trained method and what each stage saw last. */
async function train(device: GpuDevice, name: MethodName, config: NetworkConfig, steps: number) {
  const options = { methods: [name], privileged: config.privileged, teacher: config.teacher ?? "missing" } as const;
  const stages = planStages({ ...options, weights: config.weights, epochs: 2, privilegedEpochs: 1 });
  const built = new Map<MethodName, Method>();
  const task = config.task ?? "classify";
  const losses = new Map<MethodName, number[]>();
  for (const stage of stages) {
    const needed = Object.fromEntries(Object.entries(stage.needs).map(([part, need]) => [part, built.get(need)!]));
    const method = buildMethod(stage.name, device, new Rng(4, stage.name), config, needed);
    await method.begin?.();
    const { rate } = methods[stage.name];
    const training = { ...defaultTraining(steps), learningRate: 4e-3 * rate };
    const trainer = new Trainer(device, method, training, new Rng(5, stage.name));
    const seen: number[] = [];
    for (let step = 0; step < steps && stage.epochs > 0; step++) {
      const report = await trainer.step(batchOf(step, task));
      seen.push(report.losses.total!);
    }
    losses.set(stage.name, seen);
    trainer.dispose();
    built.set(stage.name, method);
  }
  const dispose = () => {
    for (const { network, trained } of built.values())
      for (const module of new Set([network, ...trained.values()])) module.dispose();
  };
  return { method: built.get(name)!, stages, losses, dispose };
}

const wanted = names.filter((name) => name.endsWith("-rgb") && methods[name].role !== "step").concat("garcia-depth");

describe.each(["classify", "segment"] as const)("to %s", (task) => {
  it.each(wanted)("%s is trained from its stages, and predicts by what it sees alone", async (name) => {
    const device = await testDevice();
    const config: NetworkConfig = { ...base, task };
    const { method, losses, dispose } = await train(device, name, config, 3);
    for (const [stage, seen] of losses) {
      expect(seen.length, stage).toBe(methods[stage].length === "none" ? 0 : 3);
      for (const loss of seen) expect(Number.isFinite(loss), stage).toBe(true);
    }
    const host = batchOf(99, task);
    const blind = { ...host, [methods[name].seen === "rgb" ? "depth" : "rgb"]: new Float32Array(host.rgb.length) };
    const fresh = buildMethod(name, device, new Rng(6), config);
    const before = await said(device, fresh, host);
    for (const [tensor, own] of fresh.network.state()) device.copy(method.network.state().get(tensor)!, own);
    const after = await said(device, fresh, host);
    // Its network alone says what the trained method says, and what is missing at test time is not looked at.
    expect(after).toEqual(await said(device, method, host));
    expect(after).toEqual(await said(device, fresh, { ...blind, depth: blind.depth.subarray(0, host.depth.length) }));
    expect(after).not.toEqual(before);
    fresh.network.dispose();
    dispose();
  });
});

async function said(device: GpuDevice, method: Method, host: HostBatch): Promise<number[]> {
  const predictor = new Predictor(device, method);
  try {
    if (method.task === "segment") return [(await predictor.maps(host)).fused.nll];
    return (await predictor.images(host)).flatMap(({ probabilities }) => [...probabilities]);
  } finally {
    predictor.dispose();
  }
}

it("an ensemble says the mean of its two networks' probabilities", async () => {
  const device = await testDevice();
  const options = { methods: ["ensemble-rgb"] as MethodName[], privileged: "frozen" as const };
  const stages = planStages({ ...options, weights: defaultWeights, epochs: 1, privilegedEpochs: 1 });
  expect(stages.map(({ name }) => name)).toEqual(["rgb-only", "second-rgb", "ensemble-rgb"]);
  const [first, second] = ["rgb-only", "second-rgb"].map((name) =>
    buildMethod(name as MethodName, device, new Rng(1, name), base),
  ) as [Method, Method];
  const both = buildMethod("ensemble-rgb", device, new Rng(2), base, { first, second });
  await both.begin!();
  const host = batchOf(1, "classify");
  const [a, b, mean] = [
    await said(device, first, host),
    await said(device, second, host),
    await said(device, both, host),
  ];
  for (const [i, value] of mean.entries()) expect(value).toBeCloseTo((a[i]! + b[i]!) / 2, 5);
  expect(a).not.toEqual(b);
  for (const { network } of [first, second, both]) network.dispose();
});

it("the two-stage control keeps H as it was trained", async () => {
  const device = await testDevice();
  const { method, dispose } = await train(device, "two-stage-rgb", base, 3);
  const hallucination = buildMethod("hallucination-rgb", device, new Rng(4, "hallucination-rgb"), base);
  // Trained again in the very same way, by itself.
  const again = await train(device, "hallucination-rgb", base, 3);
  const h = method.network.state();
  for (const [name, tensor] of again.method.network.state()) {
    const at = name.replace(/^encoder\./, "h.").replace(/^head\./, "head_h.");
    expect(await h.get(at)!.read(), at).toEqual(await tensor.read());
  }
  hallucination.network.dispose();
  again.dispose();
  dispose();
});

it("modality dropout drops colour, depth or nothing, each a third of the time", async () => {
  const device = await testDevice();
  const { drawGates } = await import("../../src/model/baselines/onestage.ts");
  const x = device.upload(new Float32Array(6000), [6000, 1, 1, 1], "f32");
  let seed = 7;
  const { available, others } = drawGates(x, { training: true, seed: () => seed++ }, 2);
  const [a, s] = await device.readMany([available as never, others![0] as never]);
  const counts = { "1,0": 0, "0,1": 0, "1,1": 0 } as Record<string, number>;
  for (let i = 0; i < 6000; i++) counts[`${Math.round(a![i]! * 1e6) / 1e6},${Math.round(s![i]! * 1e6) / 1e6}`]! += 1;
  expect(Object.keys(counts).sort()).toEqual(["0,1", "1,0", "1,1"]);
  // Five standard deviations of a third of 6000.
  for (const count of Object.values(counts)) expect(Math.abs(count - 2000)).toBeLessThan(183);
});

it("ModDrop shows a tenth of the images of a modality as zeros, and the others as they are", async () => {
  const device = await testDevice();
  const { dropImages } = await import("../../src/model/baselines/onestage.ts");
  const x = device.upload(
    Float32Array.from({ length: 20_000 }, (_, i) => i + 1),
    [10_000, 1, 2, 1],
    "f32",
  );
  let seed = 7;
  const shown = await dropImages(x, { training: true, seed: () => seed++ }).read();
  let dropped = 0;
  for (let i = 0; i < 20_000; i += 2) {
    const image = [shown[i], shown[i + 1]];
    if (image[0] === 0) dropped++;
    expect(image).toEqual(image[0] === 0 ? [0, 0] : [i + 1, i + 2]);
  }
  // Five standard deviations.
  expect(Math.abs(dropped - 1000)).toBeLessThan(150);
});

it.each(["rgb", "depth"] as const)(
  "ModDrop's network shown %s alone says what it says of zeros beside it",
  async (own) => {
    const device = await testDevice();
    const both = buildMethod("moddrop-network", device, new Rng(4), base);
    const one = buildMethod(`moddrop-${own}`, device, new Rng(5), base, { trained: both });
    await one.begin!();
    const host = batchOf(3, "classify");
    const other = own === "rgb" ? "depth" : "rgb";
    const alone = { ...host, [other]: new Float32Array(host[other]!.length) };
    expect(await said(device, one, host)).toEqual(await said(device, both, alone));
    expect(await said(device, both, alone)).not.toEqual(await said(device, both, host));
    for (const { network } of [both, one]) network.dispose();
  },
);

it("MMANet's second head counts the images of which only the modality at test is left, and no other", async () => {
  const device = await testDevice();
  const teacher = buildMethod("rgbd", device, new Rng(1), base);
  const host = batchOf(3, "classify", 1, 32);
  const step = async (seed: number, depth: Float32Array) => {
    const method = buildMethod("mmanet-network-rgb", device, new Rng(4), base, { teacher });
    const trainer = new Trainer(device, method, defaultTraining(2), new Rng(seed));
    const { losses } = await trainer.step({ ...host, depth });
    trainer.dispose();
    for (const module of method.trained.values()) module.dispose();
    return losses;
  };
  const other = host.depth.map((value, i) => value + (i % 3));
  let weak = 0;
  for (let seed = 0; seed < 12; seed++) {
    const [losses, changed] = [await step(seed, host.depth), await step(seed, other)];
    const blind = losses.task === changed.task;
    expect(Math.abs(losses.mar! - Math.log(classes)) > 1e-5, `${seed}`).toBe(blind);
    if (blind) weak++;
  }
  expect(weak).toBeGreaterThan(0);
  expect(weak).toBeLessThan(12);
  teacher.network.dispose();
});

const changes: Record<Read, Partial<NetworkConfig> | Partial<NetworkConfig["weights"]>> = {
  ...{ hall: { hall: 0.5 }, alpha: { alpha: 3 }, beta: { beta: 2 }, lambda: { lambda: 0.5 }, jmmd: { jmmd: 1 } },
  ...{
    temperature: { temperature: 3 },
    smoothing: { smoothing: 0.3 },
    sigmoid: { sigmoid: 1 },
    restore: { restore: 1 },
    fused: { fused: 1 },
  },
  ...{
    kd: { kd: 2 },
    fusion: { fusion: "mid" },
    fusionBlock: { fusionBlock: "add" },
    privileged: { privileged: "online" },
    privilegedGates: { privilegedGates: "se" },
    teacher: { teacher: "both" },
    extra: {},
  },
  ...{ klPixels: { klPixels: "sum" }, aligned: { aligned: "pooled" }, jmmdEstimate: { jmmdEstimate: "linear" } },
  ...{ jmmdLayers: { jmmdLayers: "all" }, feature: { feature: 1 }, featureLoss: { featureLoss: "at" } },
  ...{ fusionNorm: { normalise: false }, hallInit: { hallInit: "privileged" }, ramp: {} },
};

/** Under what a change shows, where that is not the default. */
const under: Partial<Record<Read, Partial<NetworkConfig>>> = {
  klPixels: { task: "segment" },
  // The only map that is aligned where images are classified has one pixel here.
  aligned: { task: "segment" },
  jmmdEstimate: { weights: { ...defaultWeights, jmmd: 1 } },
  jmmdLayers: { weights: { ...defaultWeights, jmmd: 1 } },
  featureLoss: { weights: { ...defaultWeights, feature: 1 } },
  // A network that is trained before is built before, too.
  privilegedGates: { privileged: "online" },
};

it.each(
  names.filter((name) => /rgb|^modality-dropout$|^moddrop-network$/.test(name) && methods[name].length !== "none"),
)(
  "%s depends on the settings that it says it reads, and on no other",
  async (name) => {
    const device = await testDevice();
    const lossOf = async (config: NetworkConfig, ramp = 0) => {
      const task = config.task ?? "classify";
      const method = buildMethod(name, device, new Rng(4), config, needed[task]);
      await method.begin?.();
      const trainer = new Trainer(device, method, { ...defaultTraining(2), ramp }, new Rng(5));
      const { losses } = await trainer.step(batchOf(0, task));
      trainer.dispose();
      for (const module of new Set(method.trained.values())) module.dispose();
      return losses.total;
    };
    const taught = { ...base, weights: { ...base.weights, fused: 1 } };
    const needs = Object.entries({ ...methods[name].needs(base), ...methods[name].needs(taught) });
    const builtFor = (task: "classify" | "segment") => {
      const made = needs.map(([part, need]) => [part, buildMethod(need, device, new Rng(8, part), { ...base, task })]);
      return Object.fromEntries(made) as Record<string, Method>;
    };
    const needed = { classify: builtFor("classify"), segment: builtFor("segment") };
    const changed = (config: NetworkConfig, read: Read): NetworkConfig =>
      read in defaultWeights
        ? { ...config, weights: { ...config.weights, ...changes[read] } }
        : { ...config, ...changes[read] };
    const plain = { classify: await lossOf(base), segment: await lossOf({ ...base, task: "segment" }) };
    const { reads } = methods[name];
    // All that it does not read at once: a run for each takes long.
    const others = (Object.keys(changes) as Read[]).filter((read) => !reads.includes(read));
    for (const task of ["classify", "segment"] as const) {
      const loss = await lossOf(others.reduce(changed, { ...base, task }), others.includes("ramp") ? 2 : 0);
      expect(loss, others.join(", ")).toBe(plain[task]);
    }
    for (const read of reads) {
      // These decide what it learns from, not how: another stage, or other batches.
      if (read === "teacher" || read === "extra") continue;
      const config = { ...base, ...under[read] };
      const before = under[read] ? await lossOf(config) : plain.classify;
      expect(await lossOf(changed(config, read), read === "ramp" ? 2 : 0), read).not.toBe(before);
    }
    for (const made of Object.values(needed)) for (const { network } of Object.values(made)) network.dispose();
  },
  120_000,
);

it.each([
  ["kd-rgb", 0],
  ["hallucination-rgb", 0],
  ["one-stage-rgb", 0],
  ["one-stage-rgb", 1],
  ["rgb-only", 0],
] as const)(
  "%s (fused %d) learns from unlabelled images if it has a teacher, which leave no trace in running statistics",
  async (name, fused) => {
    const config = { ...base, weights: { ...base.weights, fused } };
    const device = await testDevice();
    const teacher = buildMethod("privileged-depth", device, new Rng(8), base);
    const all = buildMethod("rgbd", device, new Rng(9), base);
    const needed = { teacher, privileged: teacher, all };
    const step = async (host: HostBatch) => {
      const method = buildMethod(name, device, new Rng(4), config, needed);
      const trainer = new Trainer(device, method, defaultTraining(4), new Rng(5));
      const { losses } = await trainer.step(host);
      const state = new Map([...method.network.state()].map(([key, tensor]) => [key, tensor.read()] as const));
      const values = new Map<string, ArrayLike<number>>();
      for (const [key, value] of state) values.set(key, await value);
      trainer.dispose();
      for (const module of new Set(method.trained.values())) module.dispose();
      return { losses, values };
    };
    const host = batchOf(1, "classify");
    const { rgb, depth, size } = batchOf(2, "classify", 4);
    const [alone, beside] = [await step(host), await step({ ...host, more: { size, rgb, depth } })];
    const taught = name !== "rgb-only";
    expect(alone.losses.task).toBe(beside.losses.task);
    if (taught) expect(alone.losses.kl).not.toBe(beside.losses.kl);
    if (fused) expect(alone.losses.fused).not.toBe(beside.losses.fused);
    let moved = 0;
    for (const [key, values] of alone.values) {
      if (/running_(mean|var)$/.test(key)) expect(beside.values.get(key), key).toEqual(values);
      else if (beside.values.get(key)!.length > 0 && `${beside.values.get(key)}` !== `${values}`) moved++;
    }
    expect(moved > 0).toBe(taught);
    // The mean over both sets of images is that over all where they are the same images.
    if (name === "kd-rgb") {
      const twice = await step({ ...host, more: host });
      expect(twice.losses.kl).toBeCloseTo(alone.losses.kl!, 1);
    }
    teacher.network.dispose();
    all.network.dispose();
  },
);
