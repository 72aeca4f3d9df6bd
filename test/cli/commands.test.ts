import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../../src/data/png.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { folderPreset, scenesPreset } from "../../src/run/presets.ts";
import { cli, cliWith, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const data = path.join(folder, "data");
const run = path.join(folder, "run");
const inRun = (file: string) => path.join(run, file);
const json = (file: string) => JSON.parse(readFileSync(inRun(file), "utf8"));
let trained: Awaited<ReturnType<typeof cli>>;

beforeAll(async () => {
  writeDataset(data, { splits: { train: 6, val: 4, test: 4 } });
  const flags = ["--epochs", "2", "--privileged-epochs", "1", "--batch", "4", "--methods", "rgb-only,one-stage-rgb"];
  trained = await cli("train", "--data", data, ...flags, "--out", run, "--json");
});

describe("train", () => {
  it("ends well, with one JSON object on stdout", () => {
    expect(trained.err.filter((line) => line.startsWith("internal"))).toEqual([]);
    expect(trained.code).toBe(0);
    const results = JSON.parse(trained.out);
    expect(results.folder).toBe(run);
    expect(results.networks.map((network: { name: string }) => network.name)).toEqual([
      "rgb-only",
      "one-stage-rgb",
      "privileged-depth",
    ]);
    expect(results.networks[1]).toMatchObject({
      role: "ours",
      seen: "rgb",
      metrics: { samples: 8 },
      averaged: { samples: 8 },
    });
    expect(results.networks[0].parameters).toBeGreaterThan(100_000);
  });

  it("says each epoch of each stage on stderr where there is no terminal", () => {
    const lines = trained.err.filter((line) => line.startsWith("stage"));
    expect(lines).toHaveLength(5);
    expect(lines[1]).toMatch(
      /^stage 1\/3 rgb-only: epoch 2\/2 \| train .+%, val .+% \| loss [\d.]+ \| \d+ images\/s \| .+ left$/,
    );
    expect(lines[3]).toMatch(/loss [\d.]+ \(task .+, hall .+, mmd .+, kl .+, translation .+, translator .+\)/);
  });

  it("writes what a run consists of, and nothing else", () => {
    expect(readdirSync(run).sort()).toEqual(
      ["config.json", "metrics.jsonl", "model.safetensors", "networks", "report.html", "results.json"].sort(),
    );
    expect(readdirSync(inRun("networks")).sort()).toEqual(
      ["one-stage-rgb.safetensors", "privileged-depth.safetensors", "rgb-only.safetensors"].sort(),
    );
  });

  it("logs one record an epoch, with every loss term", () => {
    const records = readFileSync(inRun("metrics.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ stage, epoch, step }) => [stage, epoch, step])).toEqual([
      ["rgb-only", 1, 3],
      ["rgb-only", 2, 6],
      ["privileged-depth", 1, 9],
      ["one-stage-rgb", 1, 12],
      ["one-stage-rgb", 2, 15],
    ]);
    expect(Object.keys(records[3].losses)).toEqual(["total", "task", "hall", "mmd", "kl", "translation", "translator"]);
    for (const record of records) {
      expect(record).toMatchObject({ skipped: 0 });
      expect(record.valTop1).toBeGreaterThanOrEqual(0);
      expect(record.samplesPerSecond).toBeGreaterThan(0);
      const { total, task, hall = 0, mmd = 0, kl = 0, translation = 0 } = record.losses;
      expect(total).toBeCloseTo(task + hall + 2 * mmd + kl + 0.01 * translation, 4);
    }
  });

  it("puts the deployable networks into one file, with PyTorch's names and layout, and no privileged part", () => {
    const { tensors } = parseSafetensors(readFileSync(inRun("model.safetensors")), "model");
    const names = [...tensors.keys()];
    expect(tensors.get("one-stage-rgb.a.conv1.weight")?.shape).toEqual([16, 3, 3, 3]);
    expect(tensors.get("rgb-only.encoder.layer1.0.bn1.running_mean")?.shape).toEqual([24]);
    expect(names.filter((name) => !/^(rgb-only|one-stage-rgb)\./.test(name))).toEqual([]);
    expect(names.filter((name) => /privileged|teacher/.test(name))).toEqual([]);
  });

  it("keeps in config.json what it takes to build and to feed the networks again", () => {
    expect(json("config.json")).toMatchObject({
      settings: { data: "../data", model: "tiny", batch: 4 },
      dataset: { width: 16, height: 16, classes: ["near red", "far blue"], validation: "val", evaluation: "test" },
      stages: [
        { name: "rgb-only", needs: {}, epochs: 2 },
        { name: "privileged-depth", needs: {}, epochs: 1 },
        { name: "one-stage-rgb", needs: { privileged: "privileged-depth" }, epochs: 2 },
      ],
      serves: { rgb: "one-stage-rgb", depth: null, both: null },
    });
    expect(json("config.json").dataset.depth.mean).toBeCloseTo(1.75, 1);
  });

  it("reports with pictures of what was restored", () => {
    const report = readFileSync(inRun("report.html"), "utf8");
    expect(report).toContain("depth features restored");
    expect(report).toContain("features of the true depth");
    expect(report).toContain("one-stage-rgb learnt from privileged-depth");
  });

  it("does not train a finished run again", async () => {
    const before = readFileSync(inRun("results.json"), "utf8");
    const again = await cli("train", "--resume", "--out", run);
    expect(again).toMatchObject({ code: 0, out: "" });
    expect(again.err.join("\n")).toMatch(/is finished: nothing is left to train/);
    expect(readFileSync(inRun("results.json"), "utf8")).toBe(before);
    const told = await cli("train", "--resume", "--out", run, "--json");
    expect(JSON.parse(told.out)).toMatchObject({ folder: run, ...JSON.parse(before) });
  });

  it("trains a privileged network longer than there are new scenes", async () => {
    const flags = "--size 16 --scenes 8,8,8 --batch 8 --epochs 1 --privileged-epochs 2 --methods one-stage-rgb".split(
      " ",
    );
    const said = await cli("start", ...flags, "--out", path.join(folder, "longer"), "--json");
    expect(said.code, said.err.join("\n")).toBe(0);
    expect(JSON.parse(said.out).networks).toHaveLength(2);
  });

  it("prints the comparison without --json, and replaces a run with --force", async () => {
    const out = path.join(folder, "forced");
    const flags = ["--data", data, "--epochs", "1", "--batch", "6", "--methods", "rgb-only", "--out", out];
    expect((await cli("train", ...flags)).code).toBe(0);
    writeFileSync(path.join(out, "mine.txt"), "kept");
    const created = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8")).created;
    const second = await cli("train", ...flags, "--force");
    expect(second.code).toBe(0);
    expect(second.out).toMatch(/RGB only +colour +baseline/);
    expect(second.out).toContain("report.html");
    expect(JSON.parse(readFileSync(path.join(out, "config.json"), "utf8")).created).not.toBe(created);
    expect(readFileSync(path.join(out, "mine.txt"), "utf8")).toBe("kept");
  });
});

describe("eval", () => {
  it("agrees with what training found", async () => {
    const said = await cli("eval", "--run", run, "--json");
    const { metrics, averaged } = json("results.json").networks[1];
    expect(JSON.parse(said.out)).toMatchObject({
      network: "one-stage-rgb",
      modality: "rgb",
      split: "test",
      ...metrics,
      averaged,
    });
    expect(said.code).toBe(0);
  });

  it("takes the network and the split that it is told", async () => {
    const said = await cli("eval", "--run", run, "--data", data, "--network", "rgb-only", "--split", "train", "--json");
    expect(JSON.parse(said.out)).toMatchObject({ network: "rgb-only", split: "train", samples: 12, averaged: null });
    const text = await cli("eval", "--run", run, "--network", "rgb-only");
    expect(text.out).toMatch(/^RGB only \(rgb-only\) on test of data, 8 images:\ntop-1 /);
  });

  it("says how far probabilities can be believed, how attacks are found, and what was said of each image", async () => {
    const flags = ["eval", "--run", run, "--network", "rgb-only", "--live", "far blue"];
    const found = JSON.parse((await cli(...flags, "--json")).out);
    expect(found.perImage.truth).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    const right = found.perImage.predicted.filter((k: number, i: number) => k === found.perImage.truth[i]).length;
    expect(right / 8).toBe(found.top1);
    expect(found.averagedPerImage).toBeNull();
    // A tie at 0.5 apart, the class of live faces is predicted where their score is at least 0.5.
    expect(found.spoofing.half.bpcer).toBe(1 - found.perClass[1]);
    expect(found.spoofing.half.apcer).toBe(1 - found.perClass[0]);
    const text = (await cli(...flags)).out;
    expect(text).toMatch(
      /ECE .+%, Brier .+\n +live or attack: EER .+%, AUC .+, TPR .+% at FPR 0\.01, .+\n +at 0\.5: APCER/,
    );
    expect((await cli("eval", "--run", run)).out).not.toContain("APCER");
    const unknown = await cli("eval", "--run", run, "--live", "ghost");
    expect(unknown).toMatchObject({ code: 2, err: ["--live: expected one of near red, far blue, got ghost"] });
  });

  it("reads the tensors of its network only", async () => {
    const file = inRun("model.safetensors");
    const whole = readFileSync(file);
    const { tensors } = parseSafetensors(whole, file);
    const own = new Map([...tensors].filter(([name]) => name.startsWith("one-stage-rgb.")));
    const before = (await cli("eval", "--run", run, "--json")).out;
    try {
      writeFileSync(file, serializeSafetensors(own));
      rmSync(inRun("networks"), { recursive: true });
      expect((await cli("eval", "--run", run, "--json")).out).toBe(before);
      const other = await cli("eval", "--run", run, "--network", "rgb-only");
      expect(other.code).toBe(2);
      expect(other.err.at(-1)).toMatch(
        /model\.safetensors: expected the \d+ tensors of the module, got \d+ missing: encoder\.conv1\.weight, /,
      );
    } finally {
      writeFileSync(file, whole);
    }
  });
});

describe("predict", () => {
  it("gives classes with probabilities that sum to one", async () => {
    const image = path.join(data, "rgb", "test-0-0.png");
    const said = await cli("predict", "--run", run, "--rgb", image, "--json");
    expect(said.code).toBe(0);
    const { network, modality, classes, averaged } = JSON.parse(said.out);
    expect([network, modality]).toEqual(["one-stage-rgb", "rgb"]);
    for (const list of [classes, averaged] as { class: string; probability: number }[][]) {
      expect(list.map((entry) => entry.class).sort()).toEqual(["far blue", "near red"]);
      expect(list.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
      expect(list[0]!.probability).toBeGreaterThanOrEqual(list[1]!.probability);
    }
    const text = await cli("predict", "--run", run, "--rgb", image);
    expect(text.out).toMatch(/^One-stage, RGB at test \(one-stage-rgb\):\n +[\d.]+% {2}(near red|far blue)\n/);
  });

  it("has no network for what no network was trained for", async () => {
    const said = await cli("predict", "--run", run, "--depth", path.join(data, "depth", "test-0-0.png"));
    expect(said.code).toBe(2);
    expect(said.err).toEqual([
      "--rgb, --depth, --ir: expected one that a network of the run serves: rgb-only (rgb), one-stage-rgb (rgb); got depth",
    ]);
  });

  it("refuses an image of another size", async () => {
    const file = path.join(folder, "large.png");
    writeFileSync(file, encodePng({ width: 20, height: 16, data: new Uint8Array(3 * 20 * 16) }));
    const said = await cli("predict", "--run", run, "--rgb", file);
    expect(said.code).toBe(2);
    expect(said.err).toEqual([`${file}: expected an image of 16x16 pixels as the run was trained on, got 20x16`]);
  });
});

describe("info", () => {
  it("tells about the adapter without training", async () => {
    const said = await cli("info", "--json");
    expect(said.code).toBe(0);
    const facts = JSON.parse(said.out);
    expect(facts.adapter).not.toBe("");
    expect(facts.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(2 ** 27);
    expect(facts.versions).toMatchObject({ onestage: "0.1.0", node: process.versions.node });
    expect(facts.subgroupMatrix).toBe("off (ONESTAGE_SUBGROUP_MATRIX=1 asks)");
    expect((await cli("info")).out).toMatch(/^adapter +.+\n/);
    const asked = await cliWith({ env: { ONESTAGE_SUBGROUP_MATRIX: "1" } }, "info");
    expect(asked.out).toMatch(/\nsubgroup matrices +not offered by this adapter\n/);
  });
});

describe("help", () => {
  it.each(["start", "train", "eval", "predict", "tune", "info"])("of %s shows an example", async (command) => {
    const said = await cli(command, "--help");
    expect(said).toMatchObject({ code: 0, err: [] });
    expect(said.out).toMatch(new RegExp(`\\$ onestage ${command}`));
  });

  it("of train tells the defaults, also where data and tasks differ", async () => {
    const { out } = await cli("train", "--help");
    const text = out.replace(/\s+/g, " ");
    expect(text).toContain(
      `images a step (default: ${scenesPreset.batch} with scenes, ${folderPreset.batch} with a folder, 16 to segment)`,
    );
    expect(text).toMatch(/weight of the KL divergence .+ \(default: 1, 0\.2 to segment\)/);
    expect(text).toContain("highest learning rate (default: 0.004)");
  });

  it("of all names every command", async () => {
    const said = await cli("--help");
    expect(said.code).toBe(0);
    for (const command of ["start", "train", "eval", "predict", "tune", "info"]) expect(said.out).toContain(command);
  });
});
