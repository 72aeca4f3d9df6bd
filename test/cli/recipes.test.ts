import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { cellSettings, readCompareConfig } from "../../src/cli/compare/config.ts";
import { readSettings } from "../../src/cli/config.ts";
import { Entry } from "../../src/cli/entry.ts";
import { checkUnchanged, flags, type Given, newSettings } from "../../src/cli/settings.ts";
import { defaultSchedule, defaultTraining, type TrainConfig, Trainer } from "../../src/model/train.ts";
import { type Learnt, trainingBatches } from "../../src/run/batches.ts";
import { builtInScenes, datasetFacts } from "../../src/run/dataset.ts";
import { addedLater } from "../../src/run/presets.ts";
import { recipes } from "../../src/run/recipes.ts";
import { sharesOf, stagesOf, trainConfig } from "../../src/run/settings.ts";
import { freshMethod, openStage } from "../../src/run/stage.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";
import { cli, temporaryFolder } from "./harness.ts";

const folder = temporaryFolder();
const stored = (given: Given) => JSON.parse(JSON.stringify(newSettings(given)));

describe("how networks are trained", () => {
  it("is as ever where nothing is said, and where an older run says nothing", () => {
    const { milestones } = trainConfig(newSettings({}), 9).schedule!;
    const asEver = { ...defaultTraining(9), accumulate: 1, ramp: 0, schedule: { ...defaultSchedule, milestones } };
    expect(trainConfig(newSettings({}), 9)).toEqual(asEver);
    const older = stored({ data: "d" });
    for (const name of ["optimiser", "weightDecay", "clip", "schedule", "warmUp", "startDivisor", "endDivisor"]) {
      delete older[name];
    }
    const { recipe, milestones: _, ...rest } = older;
    expect(recipe).toBe("none");
    expect(trainConfig(readSettings(new Entry(rest, "config.json", "settings")), 9)).toEqual(asEver);
  });

  it("has a warm-up of its own only with one-cycle, unless it is given", () => {
    expect(newSettings({})).toMatchObject({ schedule: "one-cycle", warmUp: 0.2 });
    expect(newSettings({ schedule: "cosine" })).toMatchObject({ schedule: "cosine", warmUp: 0 });
    expect(newSettings({ schedule: "cosine", warmUp: 0.1 })).toMatchObject({ warmUp: 0.1 });
  });

  it("reads milestones as decimals and fractions", () => {
    expect(flags.milestones.parse(" 1/6, .25,0.5 ")).toBe("1/6,.25,0.5");
    expect(sharesOf("1/6,.25,0.5")).toEqual([1 / 6, 0.25, 0.5]);
  });

  it.each([
    ["optimiser", "lion"],
    ["weightDecay", "2"],
    ["clip", "-1"],
    ["schedule", "linear"],
    ["warmUp", "1"],
    ["startDivisor", "0.5"],
    ["endDivisor", "0"],
    ["milestones", ""],
    ["milestones", "0.5,0.5"],
    ["milestones", "1/2,1/3"],
    ["milestones", "0,0.5"],
    ["milestones", "0.5,1"],
    ["milestones", "1/0"],
    ["milestones", "1/2/3"],
    ["milestones", "0.5,soon"],
    ["recipe", "imagenet"],
  ] as const)("--%s refuses %j, saying what it expects and what came", (name, text) => {
    const parse = () => flags[name].parse(text);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(new RegExp(`^${flags[name].flag}: expected .+, got .+`));
  });

  it.each<[Given, string]>([
    [
      { schedule: "cosine", startDivisor: 25 },
      "--start-divisor: expected only with --schedule one-cycle, got it with cosine",
    ],
    [
      { recipe: "mshnet", endDivisor: 100 },
      "--end-divisor: expected only with --schedule one-cycle, got it with cosine",
    ],
    [{ milestones: "1/2" }, "--milestones: expected only with --schedule steps, got it with one-cycle"],
    [
      { recipe: "casia-surf", warmUp: 0.3 },
      "--warm-up: expected at most the first of --milestones 1/6,1/3,1/2, got 0.3",
    ],
  ])("%j does not go together", (given, message) => {
    expect(() => newSettings(given)).toThrow(message);
  });
});

describe("a recipe", () => {
  const folders = { data: "d" };

  it.each(Object.keys(recipes))("%s sets what its flags take, and is read again as it was written", (recipe) => {
    const settings = stored({ ...folders, recipe });
    expect(readSettings(new Entry(settings, "config.json", "settings"))).toEqual(settings);
    expect(settings).toMatchObject({ ...recipes[recipe as keyof typeof recipes], recipe });
  });

  it("is what method.md says of it", () => {
    const nyuv2 = newSettings({ ...folders, recipe: "nyuv2" });
    expect(nyuv2).toMatchObject({ task: "segment", optimiser: "sgd", lr: 0.01, batch: 8, alpha: 0.5, fusion: "full" });
    expect(trainConfig(nyuv2, 100).schedule).toMatchObject({ kind: "one-cycle", warmup: 0.1, endDivisor: 250_000 });
    expect(newSettings({ ...folders, recipe: "cityscapes" })).toMatchObject({
      optimiser: "adam",
      classWeights: "equal",
      contextBins: "1,2,4,8",
    });
    const casia = newSettings({ ...folders, recipe: "casia-surf" });
    expect(Math.round(casia.crop * 144)).toBe(112);
    expect(casia).toMatchObject({ rotation: 30, smoothing: 0, warmUp: 0.05, privilegedEpochs: 100 });
  });

  it("gives way to what is given, and its learning rate follows the batch where it is said so", () => {
    const given = { ...folders, recipe: "nyuv2", batch: 4, epochs: 60, optimiser: "adam" };
    expect(newSettings(given)).toMatchObject({ lr: 0.005, epochs: 60, privilegedEpochs: 60, optimiser: "adam" });
    expect(newSettings({ ...given, lr: 0.02 }).lr).toBe(0.02);
    expect(newSettings({ ...folders, recipe: "casia-surf", batch: 16 }).lr).toBe(1e-3);
    expect(newSettings({ ...folders, recipe: "nyuv2", task: "classify" })).toMatchObject({
      task: "classify",
      alpha: 2,
    });
    // Another schedule leaves nothing of the recipe's.
    const { startDivisor, endDivisor } = addedLater;
    const other = newSettings({ ...folders, recipe: "nyuv2", schedule: "constant" });
    expect(other).toMatchObject({ startDivisor, endDivisor, warmUp: 0.1 });
  });

  it("may be a comparison's, of which rows differ, but not a row's", async () => {
    const file = path.join(folder, "compare.json");
    const rows = [
      { id: "a", method: "only" },
      { id: "b", method: "only", settings: { optimiser: "adamw", clip: 5 } },
    ];
    const config = { title: "T", settings: { recipe: "casia-surf", epochs: 9 }, seeds: [1], directions: ["rgb"] };
    writeFileSync(file, JSON.stringify({ ...config, rows, ours: "a" }));
    const read = await readCompareConfig(file);
    const [one, other] = read.rows.map((row) => cellSettings(read, row, 1, folders));
    expect(one).toMatchObject({ recipe: "casia-surf", epochs: 9, optimiser: "sgd", clip: 0, schedule: "steps" });
    expect(other).toMatchObject({ recipe: "casia-surf", epochs: 9, optimiser: "adamw", clip: 5, schedule: "steps" });
    const own = [{ ...rows[0], settings: { recipe: "nyuv2" } }];
    writeFileSync(file, JSON.stringify({ ...config, rows: own, ours: "a" }));
    await expect(readCompareConfig(file)).rejects.toThrow(/settings\.recipe: expected one of .+got recipe/);
  });

  it("is in --help, in config.json, and may not change when a run goes on", { timeout: 300_000 }, async () => {
    expect((await cli("train", "--help")).out.replace(/\s+/g, " ")).toContain("nyuv2, cityscapes, casia-surf, mshnet");
    const out = path.join(folder, "run");
    const small = "--model tiny --size 16 --scenes 8,4,4 --batch 4 --epochs 1 --methods rgb-only".split(" ");
    const { code, err } = await cli("train", "--recipe", "mshnet", ...small, "--clip", "2", "--out", out);
    expect(code, err.join("\n")).toBe(0);
    const { settings } = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8"));
    expect(settings).toMatchObject({ recipe: "mshnet", optimiser: "sgd", schedule: "cosine", clip: 2, batch: 4 });
    const resume = (...more: string[]) => cli("train", "--resume", "--out", out, ...more);
    expect((await resume("--recipe", "mshnet", "--clip", "2")).code).toBe(0);
    for (const [flag, value, before] of [
      ["--recipe", "nyuv2", "mshnet"],
      ["--optimiser", "adam", "sgd"],
      ["--schedule", "steps", "cosine"],
      ["--weight-decay", "0.05", "0.005"],
    ] as const) {
      const refused = await resume(flag, value);
      expect(refused.code).toBe(2);
      expect(refused.err).toEqual([`${flag}: expected ${before} as the run was started with, got ${value}`]);
    }
    expect(() => checkUnchanged(settings, { warmUp: 0.5 })).toThrow(/^--warm-up: expected 0\.01/);
  });
});

describe("settings arrive at the trainer", { timeout: 300_000 }, () => {
  const steps = 6;
  const cases: [Given, Partial<TrainConfig>, number[]][] = [
    [
      { optimiser: "sgd", weightDecay: 0.01, clip: 0, schedule: "steps", milestones: "1/3,2/3", lr: 0.5 },
      {
        optimiser: { ...defaultTraining(1).optimiser, kind: "sgd", weightDecay: 0.01, clip: 0 },
        schedule: { ...defaultSchedule, kind: "steps", warmup: 0, milestones: [1 / 3, 2 / 3] },
        learningRate: 0.5,
      },
      [0.5, 0.5, 0.05, 0.05, 0.005, 0.005],
    ],
    [
      { optimiser: "adam", weightDecay: 0.1, schedule: "cosine", warmUp: 0.5, lr: 0.03 },
      {
        optimiser: { ...defaultTraining(1).optimiser, kind: "adam", weightDecay: 0.1 },
        schedule: { ...defaultSchedule, kind: "cosine", warmup: 0.5 },
        learningRate: 0.03,
      },
      [0.01, 0.02, 0.03, 0.03, 0.0225, 0.0075],
    ],
  ];

  it.each(cases)("step for step, and go on after a restore: %j", async (given, byHand, rates) => {
    const device = await testDevice();
    const settings = newSettings({ ...given, size: 16, scenes: "16,1,1", batch: 8, epochs: 3, methods: "rgb-only" });
    const data = builtInScenes({ ...settings, size: 16, scenes: "16,1,1" });
    const run: Learnt = { settings, dataset: datasetFacts(data, settings) };
    const [stage] = stagesOf(settings) as [ReturnType<typeof stagesOf>[number]];
    const open = () => openStage(device, run, stage, () => expect.fail("needs no other network"));
    const [opened, again] = [await open(), await open()];
    const method = freshMethod(device, run, "rgb-only");
    const rng = () => new Rng(settings.seed, "steps", "rgb-only");
    const own = new Trainer(device, method, { ...defaultTraining(steps), ...byHand }, rng());
    const usual = new Trainer(device, freshMethod(device, run, "rgb-only"), defaultTraining(steps), rng());
    const batchOf = trainingBatches(run, stage, data, null);
    for (let step = 0; step < steps; step++) {
      const batch = batchOf(step);
      const report = await opened.trainer.step(batch);
      expect(report.learningRate).toBeCloseTo(rates[step]!, 12);
      expect(report).toEqual(await own.step(batch));
      await usual.step(batch);
      if (step === 2) again.trainer.restore(await opened.trainer.state(), 3, "checkpoint");
      if (step > 2) await again.trainer.step(batch);
    }
    const state = await opened.trainer.state();
    expect(state).toEqual(await own.state());
    expect(state).toEqual(await again.trainer.state());
    expect(state).not.toEqual(await usual.state());
    expect([...state.keys()].some((name) => name.includes("second."))).toBe(given.optimiser === "adam");
    for (const one of [opened, again, own, usual]) one.dispose();
  });
});
