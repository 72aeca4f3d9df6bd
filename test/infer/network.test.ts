import { describe, expect, it } from "vitest";
import { makeBatch } from "../../src/data/batch.ts";
import { fitSample } from "../../src/data/resample.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import type { Sample } from "../../src/data/sample.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { fromTypedArray } from "../../src/data/typedArrays.ts";
import { NETWORK_ENTRY } from "../../src/infer/facts.ts";
import { openNetwork } from "../../src/infer/network.ts";
import { packNetwork } from "../../src/infer/pack.ts";
import type { ArchitectureName } from "../../src/model/architectures.ts";
import { dropHallucinationHead } from "../../src/model/deploy.ts";
import { predictBatch, predictMaps } from "../../src/model/evaluate.ts";
import {
  buildMethod,
  type Method,
  type MethodName,
  methods,
  type NetworkConfig,
  predict,
} from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import type { Task } from "../../src/model/task.ts";
import { FormatError, UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

const side = 24;
const scenes = sceneDataset({ seed: 3, width: side, height: side, train: 4, val: 1, test: 1 });
const scale = { mean: 3, std: 1.5 };
const device = await testDevice();

const configFor = (task: Task, more: Partial<NetworkConfig> = {}): NetworkConfig => ({
  task,
  model: "tiny",
  classes: (task === "segment" ? scenes.labels : scenes.classes).length,
  fusion: "deep",
  normalise: true,
  privileged: "frozen",
  weights: defaultWeights,
  ...more,
});

/** The file of a network with random weights, and what is to be said of it besides. */
async function exported(
  method: Method,
  config: NetworkConfig,
  { bothHeads = true, more = {} as object } = {},
): Promise<Uint8Array> {
  const classes = config.task === "segment" ? scenes.labels : scenes.classes;
  const bytes = await packNetwork(method, config, { classes, width: side, height: side, scale });
  const { metadata, tensors } = parseSafetensors(bytes, "packed");
  const facts = { ...JSON.parse(metadata[NETWORK_ENTRY]!), bothHeads, ...more };
  return serializeSafetensors(tensors, { [NETWORK_ENTRY]: JSON.stringify(facts) });
}

const build = (name: MethodName, config: NetworkConfig) => buildMethod(name, device, new Rng(7, name), config);

/** One scene, and all that a network may be shown of it. */
function view(index = 0) {
  const { width, height, rgb, depth } = scenes.sample("train", index);
  return { rgb: { width, height, data: rgb }, depth: { width, height, data: depth } };
}

/** The scores of a method for one scene, by the way that training goes. */
async function scoresOf(method: Method): Promise<Float32Array> {
  const { rgb, depth } = makeBatch(scenes, "train", [0], scale, null, method.task);
  const batch = {
    rgb: device.upload(rgb, [1, side, side, 3]),
    depth: device.upload(depth, [1, side, side, 1]),
  };
  const { logits } = predict(method, batch);
  return (await logits.read()) as Float32Array;
}

function softmax(scores: Float32Array): number[] {
  const all = [...scores].map((score) => Math.exp(score - Math.max(...scores)));
  const total = all.reduce((a, b) => a + b);
  return all.map((value) => value / total);
}

// One method for each form of network.
const forms = Object.entries({
  single: "rgb-only",
  ensemble: "ensemble-rgb",
  mean: "hoffman-depth",
  weighted: "mshnet-rgb",
  hallucinating: "one-stage-rgb",
  multimodal: "rgbd",
  "multimodal-by-one": "dropout-depth",
  "multimodal-of-zeros": "moddrop-depth",
  "mean-of-both": "garcia-streams-rgb",
} satisfies Record<ArchitectureName, MethodName>) as [ArchitectureName, MethodName][];

describe("an exported network", () => {
  it.each(forms)("predicts as the method that it was: %s", async (architecture, name) => {
    expect(methods[name].architecture).toBe(architecture);
    for (const task of ["classify", "segment"] as const) {
      const config = configFor(task);
      const method = build(name, config);
      const network = openNetwork(device, await exported(method, config));
      expect(network.task).toBe(task);
      expect(network.sees).toEqual(methods[name].seen === "both" ? ["rgb", "depth"] : [methods[name].seen]);
      const scores = await scoresOf(method);
      const { probabilities, labels } = await network.predict(view());
      if (task === "classify") {
        const expected = softmax(scores);
        expect(labels).toBeNull();
        expect(probabilities!.length).toBe(scenes.classes.length);
        for (const [k, value] of expected.entries()) expect(probabilities![k]).toBeCloseTo(value, 6);
      } else {
        const classes = scenes.labels.length;
        const best = Array.from({ length: side * side }, (_, pixel) => {
          const own = scores.subarray(pixel * classes, (pixel + 1) * classes);
          return own.indexOf(Math.max(...own));
        });
        expect(probabilities).toBeNull();
        expect([...labels!]).toEqual(best);
      }
      network.dispose();
      method.network.dispose();
    }
  });

  it.each(["full", "deep", "mid"] as const)("says the same without the head that only trains: %s", async (fusion) => {
    const config = configFor("classify", { fusion });
    const method = build("one-stage-rgb", config);
    const whole = openNetwork(device, await exported(method, config));
    const answer = await whole.predict(view(), { restored: true });
    dropHallucinationHead(method.network, config);
    const part = openNetwork(device, await exported(method, config, { bothHeads: false }));
    expect((await part.predict(view())).probabilities).toEqual(answer.probabilities);
    expect(part.parameters).toBeLessThan(whole.parameters);
    const { height, width, channels, data } = answer.restored!;
    expect(data.length).toBe(height * width * channels);
    for (const network of [whole, part]) network.dispose();
    method.network.dispose();
  });

  it.each(["classify", "segment"] as const)("answers by the mean of both heads where it has them: %s", async (task) => {
    const config = configFor(task);
    const method = build("one-stage-rgb", config);
    const host = makeBatch(scenes, "train", [0], scale, null, task);
    const network = openNetwork(device, await exported(method, config));
    const { probabilities, labels } = await network.predict(view(), { head: "averaged" });
    if (task === "classify") {
      const { averaged } = (await predictBatch(device, method, host))[0]!;
      for (const [k, value] of averaged!.entries()) expect(probabilities![k]).toBeCloseTo(value, 6);
    } else expect([...labels!]).toEqual([...(await predictMaps(device, method, host)).averaged!.labels]);
    const fused = await network.predict(view());
    expect({ probabilities, labels }).not.toMatchObject({ probabilities: fused.probabilities, labels: fused.labels });
    dropHallucinationHead(method.network, config);
    const single = openNetwork(device, await exported(method, config, { bothHeads: false }));
    await expect(single.predict(view(), { head: "averaged" })).rejects.toThrow(
      "predict: head: expected fused, got averaged",
    );
    for (const each of [network, single]) each.dispose();
    method.network.dispose();
  });

  it("takes images of any extents: their middle, resized", async () => {
    const config = configFor("classify");
    const method = build("rgb-only", config);
    const network = openNetwork(device, await exported(method, config));
    const { rgb: data, depth } = sceneDataset({ seed: 4, width: 60, height: 40, train: 1, val: 1, test: 1 }).sample(
      "train",
      0,
    );
    const wide = { name: "wide", width: 60, height: 40, rgb: data, depth } satisfies Sample;
    const fitted = fitSample(wide, { width: side, height: side });
    const [whole, middle] = [wide, fitted].map(({ width, height, rgb }) => ({ rgb: { width, height, data: rgb } }));
    const answers = [await network.predict(whole!), await network.predict(middle!)];
    expect(answers[0]!.probabilities).toEqual(answers[1]!.probabilities);
    expect(answers[0]!.restored).toBeNull();
    network.dispose();
    method.network.dispose();
  });

  it("frees all that it took", async () => {
    const config = configFor("classify");
    const method = build("one-stage-rgb", config);
    const bytes = await exported(method, config);
    const before = device.pool.memory().liveBytes;
    const network = openNetwork(device, bytes);
    await network.predict(view());
    network.dispose();
    expect(device.pool.memory().liveBytes).toBe(before);
    method.network.dispose();
  });

  it("refuses images that do not fit in one line", async () => {
    const config = configFor("classify");
    const method = build("rgbd", config);
    const network = openNetwork(device, await exported(method, config));
    const { rgb, depth } = view();
    const refused: [object, string][] = [
      [{ rgb }, "predict: expected an image for rgb and depth, got none for depth"],
      [{ rgb, depth: { ...depth, width: 12 } }, "predict: depth: expected 24x24 as the others, got 12x24"],
      [
        { rgb: { ...rgb, data: rgb.data.subarray(3) }, depth },
        "predict: rgb: expected 1728 values for 24x24, got 1725",
      ],
      [{ rgb: { ...rgb, width: 1.5 }, depth }, "predict: rgb: expected extents in whole pixels, got 1.5x24"],
    ];
    for (const [images, message] of refused) {
      await expect(network.predict(images)).rejects.toThrow(UsageError);
      await expect(network.predict(images)).rejects.toThrow(message);
    }
    network.dispose();
    method.network.dispose();
  });

  it.each(["ctn", "concat"] as const)(
    "has no batch norm in its fusions where it was trained without: %s",
    async (fusionBlock) => {
      const config = configFor("classify", { normalise: false, fusionBlock });
      const method = build("one-stage-rgb", config);
      const bytes = await exported(method, config);
      const { metadata, tensors } = parseSafetensors(bytes, "plain");
      expect(JSON.parse(metadata[NETWORK_ENTRY]!).settings.fusionNorm).toBe("none");
      expect([...tensors.keys()].filter((name) => /^ctn\.\d\.bn/.test(name))).toEqual([]);
      const network = openNetwork(device, bytes);
      const expected = softmax(await scoresOf(method));
      const { probabilities } = await network.predict(view());
      for (const [k, value] of expected.entries()) expect(probabilities![k]).toBeCloseTo(value, 6);
      network.dispose();
      method.network.dispose();
    },
  );

  it("has batch norm in its fusions where a file from before there was a choice says nothing", async () => {
    const config = configFor("classify");
    const method = build("one-stage-rgb", config);
    const { metadata, tensors } = parseSafetensors(await exported(method, config), "packed");
    const facts = JSON.parse(metadata[NETWORK_ENTRY]!);
    const { fusionNorm, ...settings } = facts.settings;
    expect(fusionNorm).toBe("batch");
    const older = serializeSafetensors(tensors, { [NETWORK_ENTRY]: JSON.stringify({ ...facts, settings }) });
    const network = openNetwork(device, older);
    const expected = softmax(await scoresOf(method));
    const { probabilities } = await network.predict(view());
    for (const [k, value] of expected.entries()) expect(probabilities![k]).toBeCloseTo(value, 6);
    network.dispose();
    method.network.dispose();
  });

  it("pools its context over the bins that it was trained with, 1 and 5 where its file says nothing", async () => {
    for (const [contextBins, said] of [
      [[1, 2, 4, 8], "1,2,4,8"],
      [undefined, undefined],
    ] as const) {
      const config = configFor("segment", { contextBins });
      const method = build("rgb-only", config);
      expect(method.network.state().has("head.context.reduce.3.conv.weight")).toBe(said !== undefined);
      const { metadata, tensors } = parseSafetensors(await exported(method, config), "packed");
      const facts = JSON.parse(metadata[NETWORK_ENTRY]!);
      const settings = { ...facts.settings, contextBins: said };
      const bytes = serializeSafetensors(tensors, { [NETWORK_ENTRY]: JSON.stringify({ ...facts, settings }) });
      expect(facts.settings.contextBins).toBe(said ?? "1,5");
      const network = openNetwork(device, bytes);
      const { labels } = await network.predict(view());
      const host = makeBatch(scenes, "train", [0], scale, null, "segment");
      expect([...labels!]).toEqual([...(await predictMaps(device, method, host)).fused.labels]);
      network.dispose();
      method.network.dispose();
    }
  });

  it("cannot be packed if its file could not be opened", async () => {
    const on = { classes: scenes.classes, width: side, height: side, scale };
    const method = build("rgb-only", configFor("classify"));
    const flat = { ...on, scale: { mean: 3, std: 0 } };
    await expect(packNetwork(method, configFor("classify"), flat)).rejects.toThrow(
      "packNetwork: onestage: dataset.depth.std: expected a number above 0, got 0",
    );
    method.network.dispose();
  });

  it("does not trust a file", async () => {
    const config = configFor("classify");
    const method = build("rgb-only", config);
    const before = device.pool.memory().liveBytes;
    const settings = { task: "classify", model: "tiny", modalities: "rgb,depth", fusion: "deep", fusionBlock: "ctn" };
    const dataset = { width: side, height: side, depth: scale, classes: scenes.classes };
    const damaged: [object, string][] = [
      [{ format: "x" }, 'net: onestage: format: expected one of onestage-network-2, got "x"'],
      [{ architecture: "toString" }, "net: onestage: architecture: expected one of single"],
      [{ architecture: "hallucinating" }, "the 41 tensors of the module"],
      [
        { settings: { ...settings, precision: "f32", fusionNorm: "group" } },
        'net: onestage: settings.fusionNorm: expected one of batch, none, got "group"',
      ],
      [{ settings: { ...settings, precision: "f64" } }, "net: onestage: settings.precision: expected one of f32, f16"],
      [{ dataset: { ...dataset, width: 1e9 } }, "net: onestage: dataset.width: expected a whole number from 4 to 4096"],
      [
        { dataset: { ...dataset, height: 3 } },
        "net: onestage: dataset.height: expected a whole number from 4 to 4096, got 3",
      ],
      [{ dataset: { ...dataset, classes: [1] } }, "net: onestage: dataset.classes: expected names"],
      [{ dataset: { ...dataset, depth: { mean: 1, std: 0 } } }, "dataset.depth.std: expected a number above 0"],
      [{ kernels: 3 }, "net: onestage: kernels: expected an object, got 3"],
    ];
    for (const [more, message] of damaged) {
      const bytes = await exported(method, config, { more });
      expect(() => openNetwork(device, bytes, "net")).toThrow(FormatError);
      if (!message.startsWith("the 41")) expect(() => openNetwork(device, bytes, "net")).toThrow(message);
    }
    const { metadata, tensors } = parseSafetensors(await exported(method, config), "net");
    const [name, { shape }] = [...tensors][0]!;
    const whole = new Map(tensors).set(
      name,
      fromTypedArray(new Float64Array(tensors.get(name)!.data.length / 4), shape),
    );
    expect(() => openNetwork(device, serializeSafetensors(whole, metadata), "net")).toThrow(
      `net: ${name}: expected dtype F32 or F16, got F64`,
    );
    expect(() => openNetwork(device, serializeSafetensors(new Map()), "net")).toThrow(
      "net: expected a network written by onestage export, got other tensors",
    );
    expect(() => openNetwork(device, new Uint8Array(9), "net")).toThrow(FormatError);
    expect(device.pool.memory().liveBytes).toBe(before);
    method.network.dispose();
  });
});
