import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/cli/config.ts";
import { Entry } from "../../src/cli/entry.ts";
import { checkUnchanged, flags, newSettings } from "../../src/cli/settings.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { planStages, servingNetwork } from "../../src/model/plan.ts";
import { sceneCounts, stagesOf } from "../../src/run/settings.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import { VERSION } from "../../src/tensor/version.ts";

it("the version is the package's", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(VERSION).toBe(manifest.version);
});

describe("a flag", () => {
  it.each([
    ["epochs", "0"],
    ["epochs", "1.5"],
    ["epochs", "-3"],
    ["epochs", "1e3"],
    ["epochs", ""],
    ["batch", "10000000000"],
    ["seed", "4294967296"],
    ["lr", "0"],
    ["lr", "abc"],
    ["lr", "Infinity"],
    ["lr", "1e400"],
    ["smoothing", "1"],
    ["alpha", "-1"],
    ["temperature", "0"],
    ["task", "detect"],
    ["model", "resnet51"],
    ["model", "toString"],
    ["fusion", "late"],
    ["privileged", "both"],
    ["fusionNorm", "group"],
    ["contextBins", "1,3"],
    ["aligned", "flat"],
    ["klPixels", "max"],
    ["jmmdEstimate", "cubic"],
    ["jmmdLayers", "first"],
    ["feature", "-1"],
    ["featureLoss", "ofd"],
    ["hallInit", "imagenet"],
    ["privilegedGates", "sigmoid"],
    ["ramp", "1.5"],
    ["ramp", "-1"],
    ["methods", ""],
    ["methods", "rgb-only,rgb-only"],
    ["methods", "rgb-only,constructor"],
    ["size", "7"],
    ["scenes", "10,10"],
    ["scenes", "10,0,10"],
    ["data", ""],
  ] as const)("--%s refuses %j, saying what it expects and what came", (name, text) => {
    const parse = () => flags[name].parse(text);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(new RegExp(`^${flags[name].flag}: expected .+, got .+`));
  });

  it.each([
    ["epochs", "12", 12],
    ["seed", "0", 0],
    ["lr", "4e-3", 0.004],
    ["lambda", "0", 0],
    ["smoothing", ".1", 0.1],
    ["methods", "rgbd, rgb-only", "rgb-only,rgbd"],
    ["scenes", "8, 4,2", "8,4,2"],
  ] as const)("--%s reads %j", (name, text, value) => {
    expect(flags[name].parse(text)).toBe(value);
  });
});

describe("the settings of a new run", () => {
  it("are the scenes' without --data, the folder's with it", () => {
    expect(newSettings({})).toMatchObject({ data: null, smoothing: 0, crop: 0 });
    expect(newSettings({ data: "some" })).toMatchObject({
      data: path.resolve("some"),
      scenes: null,
      smoothing: 0.1,
      crop: 7 / 8,
      batch: 64,
    });
  });

  it("are read again as they are written, the default methods too", () => {
    for (const settings of [newSettings({}), newSettings({ data: "/d", modalities: "rgb,depth,ir" })]) {
      expect(readSettings(new Entry(JSON.parse(JSON.stringify(settings)), "config.json", "settings"))).toEqual(
        settings,
      );
      expect(() => checkUnchanged(settings, { methods: flags.methods.parse(settings.methods) })).not.toThrow();
    }
  });

  it("of runs from before infrared say nothing of modalities", () => {
    const { modalities, ...older } = newSettings({});
    expect(readSettings(new Entry(older, "config.json", "settings")).modalities).toBe(modalities);
  });

  it("weigh the losses differently where pixels are classified, unless told", () => {
    expect(newSettings({ task: "segment" })).toMatchObject({ data: null, beta: 0.2, alpha: 0.5, batch: 16 });
    expect(newSettings({ task: "segment", data: "d", beta: 1 })).toMatchObject({ beta: 1, alpha: 0.5, crop: 7 / 8 });
  });

  it("train a frozen privileged network no longer than its student", () => {
    expect(newSettings({ data: "d", epochs: 10 }).privilegedEpochs).toBe(10);
    expect(newSettings({ data: "d", epochs: 90 }).privilegedEpochs).toBe(30);
    expect(newSettings({ data: "d", epochs: 90, privilegedEpochs: 40 }).privilegedEpochs).toBe(40);
  });

  it("of runs from before they had a choice are as such runs are without one", () => {
    const settings = newSettings({});
    const { fusionNorm, klPixels, aligned, jmmdEstimate, jmmdLayers, ...rest } = settings;
    const { feature, featureLoss, hallInit, ramp, contextBins, ...older } = rest;
    expect({ fusionNorm, klPixels, aligned }).toEqual({ fusionNorm: "batch", klPixels: "mean", aligned: "map" });
    expect({ jmmdEstimate, jmmdLayers }).toEqual({ jmmdEstimate: "quadratic", jmmdLayers: "last" });
    expect({ feature, featureLoss }).toEqual({ feature: 0, featureLoss: "fitnet" });
    expect({ hallInit, ramp, contextBins }).toEqual({ hallInit: "fresh", ramp: 0, contextBins: "1,5" });
    expect(readSettings(new Entry(older, "config.json", "settings"))).toEqual(settings);
  });

  it("start hallucination streams from a privileged network only if there is one of the missing modality", () => {
    expect(newSettings({ hallInit: "privileged" }).hallInit).toBe("privileged");
    expect(() => newSettings({ hallInit: "privileged", privileged: "online" })).toThrow(
      "--hall-init: expected fresh with --privileged online, got privileged",
    );
    expect(() => newSettings({ hallInit: "privileged", teacher: "both" })).toThrow(
      "--hall-init: expected fresh with --teacher both, got privileged",
    );
  });

  it("teach the scores of H's head by something", () => {
    expect(newSettings({ hall: 0 }).hall).toBe(0);
    expect(newSettings({ hall: 0, beta: 0, jmmd: 1 }).beta).toBe(0);
    expect(() => newSettings({ hall: 0, beta: 0 })).toThrow(
      /^--hall: expected more than 0 where --beta and --jmmd are 0/,
    );
  });

  it("have no gates in a privileged network from which a stream starts", () => {
    expect(newSettings({ privilegedGates: "se" }).privilegedGates).toBe("se");
    expect(() => newSettings({ privilegedGates: "se", methods: "rgb-only,hoffman-rgb" })).toThrow(
      "--privileged-gates: expected none with hoffman-rgb, a stream of which starts from P, got se",
    );
    expect(() => newSettings({ privilegedGates: "se", hallInit: "privileged" })).toThrow(
      "--hall-init: expected fresh with --privileged-gates se, got privileged",
    );
  });

  it("refuse what does not go together", () => {
    expect(() => newSettings({ data: "d", size: 32 })).toThrow(/^--size: expected only without --data/);
  });

  it("may not change when a run goes on", () => {
    const stored = newSettings({ epochs: 3 });
    expect(() => checkUnchanged(stored, { epochs: 3, seed: 1 })).not.toThrow();
    expect(() => checkUnchanged(stored, { epochs: 4 })).toThrow(
      "--epochs: expected 3 as the run was started with, got 4",
    );
    expect(() => checkUnchanged(stored, { data: "d" })).toThrow(/^--data: expected none as the run was started with/);
  });

  it("count the scenes", () => {
    expect(sceneCounts("8,4,2")).toEqual({ train: 8, val: 4, test: 2 });
  });
});

describe("the stages of a run", () => {
  const names = (given: Parameters<typeof newSettings>[0]) => stagesOf(newSettings(given)).map(({ name }) => name);

  it("use a baseline as privileged network where it is trained the same way", () => {
    expect(stagesOf(newSettings({}))).toEqual(
      [
        ["rgb-only", null],
        ["depth-only", null],
        ["one-stage-rgb", "depth-only"],
        ["one-stage-depth", "rgb-only"],
        ["rgbd", null],
      ].map(([name, teacher]) => ({
        name,
        needs: teacher ? { privileged: teacher } : {},
        epochs: newSettings({}).epochs,
      })),
    );
  });

  it("train a privileged network of its own where smoothing or length differ, before who needs it", () => {
    const apart = [
      "rgb-only",
      "depth-only",
      "privileged-depth",
      "one-stage-rgb",
      "privileged-rgb",
      "one-stage-depth",
      "rgbd",
    ];
    expect(names({ smoothing: 0.1 })).toEqual(apart);
    expect(names({ privilegedEpochs: 1 })).toEqual(apart);
    expect(names({ methods: "one-stage-rgb" })).toEqual(["privileged-depth", "one-stage-rgb"]);
    const stages = stagesOf(newSettings({ smoothing: 0.1, privilegedEpochs: 1 }));
    expect(stages.filter(({ epochs }) => epochs === 1).map(({ name }) => name)).toEqual([
      "privileged-depth",
      "privileged-rgb",
    ]);
  });

  it("need none when the privileged network is trained along", () => {
    expect(names({ methods: "one-stage-rgb", privileged: "online" })).toEqual(["one-stage-rgb"]);
  });

  it("name the network that serves a modality: the method's before the baseline's, never one that only teaches", () => {
    const options = { privileged: "frozen", weights: defaultWeights, epochs: 1, privilegedEpochs: 1 } as const;
    const all = planStages({ ...options, methods: ["rgb-only", "one-stage-rgb"] });
    expect(servingNetwork(all, "rgb")).toBe("one-stage-rgb");
    expect(servingNetwork(all, "depth")).toBeNull();
    expect(servingNetwork(planStages({ ...options, methods: ["rgb-only"] }), "rgb")).toBe("rgb-only");
  });
});
