import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { withCounters } from "../../src/cli/export.ts";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../../src/data/safetensors.ts";
import { encoderConfig } from "../../src/model/encoder.ts";
import { SingleNetwork } from "../../src/model/single.ts";
import { ShapeInit } from "../../src/nn/shapes.ts";
import { torchvisionShapes } from "../model/torchvision.ts";
import { cli, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const data = path.join(folder, "data");
const pixels = path.join(folder, "pixels");
const inFolder = (name: string) => path.join(folder, name);
const image = path.join(data, "rgb", "val-0-0.png");

const contents = (file: string) => parseSafetensors(readFileSync(file), file);
const answer = async (run: string, ...more: string[]) => {
  const said = await cli("predict", "--run", run, "--rgb", image, "--json", ...more);
  expect(said.code, said.err.join("\n")).toBe(0);
  return JSON.parse(said.out);
};

async function train(from: string, run: string, ...more: string[]): Promise<void> {
  const methods = ["--methods", "rgb-only,one-stage-rgb", "--privileged-epochs", "1"];
  const said = await cli("train", "--data", from, "--epochs", "1", "--batch", "4", ...methods, "--out", run, ...more);
  expect(said.code, said.err.join("\n")).toBe(0);
}

beforeAll(async () => {
  writeDataset(data);
  writeDataset(pixels, { labels: true });
  await train(data, inFolder("run"));
  await train(data, inFolder("mid"), "--fusion", "mid");
  await train(pixels, inFolder("maps"), "--task", "segment");
});

describe("export", () => {
  it("writes a network that says what the run says, to the last bit", async () => {
    const out = inFolder("one.safetensors");
    const said = await cli("export", "--run", inFolder("run"), "--out", out, "--json");
    expect(said.code, said.err.join("\n")).toBe(0);
    const facts = JSON.parse(said.out);
    const { tensors } = contents(inFolder("run/model.safetensors"));
    const own = [...tensors.keys()].filter((name) => name.startsWith("one-stage-rgb."));
    const left = own.filter((name) => !name.startsWith("one-stage-rgb.head_h."));
    expect(left.length).toBe(own.length - 2);
    expect(facts).toMatchObject({ network: "one-stage-rgb", seen: "rgb", bothHeads: false, tensors: left.length });
    expect(facts.leftOut).toEqual({ head_h: 96 * 2 + 2 });
    expect(facts.bytes).toBe(readFileSync(out).length);
    const [fromRun, fromFile] = [await answer(inFolder("run")), await answer(out)];
    expect(fromFile.classes).toEqual(fromRun.classes);
    expect(fromRun.averaged).not.toBeNull();
    expect(fromFile).toMatchObject({ network: "one-stage-rgb", averaged: null });
  });

  it("keeps nothing of P and, unless it is asked for, nothing that only trains", async () => {
    const names = [...contents(inFolder("one.safetensors")).tensors.keys()];
    expect(names.filter((name) => !/^(a|h|ctn|head_f)\./.test(name))).toEqual([]);
    const out = inFolder("both.safetensors");
    await cli("export", "--run", inFolder("run"), "--out", out, "--both-heads");
    expect(contents(out).tensors.has("head_h.fc.weight")).toBe(true);
    const { classes, averaged } = await answer(inFolder("run"));
    expect(await answer(out)).toMatchObject({ classes, averaged });
    const both = await answer(out, "--head", "averaged");
    expect(both).toMatchObject({ classes: averaged, averaged });
    expect(both.classes).not.toEqual(classes);
  });

  it("says that a head is missing where the mean of both is asked", async () => {
    const said = await cli("predict", "--run", inFolder("one.safetensors"), "--rgb", image, "--head", "averaged");
    const line =
      "--head: expected fused, as this one-stage-rgb has one head (export --both-heads keeps both), got averaged";
    expect(said).toMatchObject({ code: 2, out: "", err: [line] });
  });

  it("leaves out the hallucination stream behind the last fusion, too", async () => {
    const out = inFolder("mid.safetensors");
    const said = await cli("export", "--run", inFolder("mid"), "--out", out);
    expect(said.out).toMatch(/^One-stage, RGB at test \(one-stage-rgb\): \d+ k parameters, \d+ kB in /);
    expect(said.out).toMatch(/left out: head_h, 194 parameters .*\n {2}left out: h\.layer3, \d+ k parameters/);
    const names = [...contents(out).tensors.keys()];
    expect(names.filter((name) => /^h\.layer[34]\./.test(name))).toEqual([]);
    expect(names).toContain("a.layer3.0.conv1.weight");
    expect((await answer(out)).classes).toEqual((await answer(inFolder("mid"))).classes);
  });

  it("writes halves where that is enough", async () => {
    const out = inFolder("half.safetensors");
    const said = await cli("export", "--run", inFolder("run"), "--out", out, "--half", "--json");
    const whole = readFileSync(inFolder("one.safetensors")).length;
    expect(JSON.parse(said.out).bytes).toBeLessThan(0.55 * whole);
    const dtypes = new Set([...contents(out).tensors.values()].map(({ dtype }) => dtype));
    expect([...dtypes].sort()).toEqual(["F16", "I64"]);
    const [exact, rounded] = [await answer(inFolder("one.safetensors")), await answer(out)];
    for (const [i, { class: name, probability }] of exact.classes.entries()) {
      expect(rounded.classes[i].class).toBe(name);
      expect(Math.abs(rounded.classes[i].probability - probability)).toBeLessThan(5e-3);
    }
  });

  it("of pixels: the same label map, without the second decoder", async () => {
    const out = inFolder("maps.safetensors");
    const said = await cli("export", "--run", inFolder("maps"), "--out", out, "--json");
    expect(JSON.parse(said.out).leftOut.head_h).toBeGreaterThan(1000);
    const save = (name: string) => ["--save", inFolder(name)] as const;
    const fromRun = await answer(inFolder("maps"), ...save("run.png"));
    const fromFile = await answer(out, ...save("file.png"));
    expect(fromFile.classes).toEqual(fromRun.classes);
    expect(readFileSync(inFolder("file.png"))).toEqual(readFileSync(inFolder("run.png")));
    const evaluated = await cli("eval", "--run", out, "--data", pixels, "--json");
    const before = JSON.parse((await cli("eval", "--run", inFolder("maps"), "--json")).out);
    expect(JSON.parse(evaluated.out)).toMatchObject({ confusion: before.confusion, averaged: null });
  });

  it("writes single networks as they are, and says in the file what they are", async () => {
    const out = inFolder("single.safetensors");
    const said = await cli("export", "--run", inFolder("run"), "--network", "rgb-only", "--out", out);
    expect(said.out).toMatch(/^RGB only \(rgb-only\): 1\d\d k parameters, \d+ kB in .*\n$/);
    expect((await answer(out)).classes).toEqual((await answer(inFolder("run"), "--network", "rgb-only")).classes);
    const { metadata } = contents(out);
    expect(metadata.format).toBe("pt");
    const facts = JSON.parse(metadata.onestage!);
    expect(facts).toMatchObject({ format: "onestage-network-2", network: "rgb-only", bothHeads: false });
    expect(facts.settings).toMatchObject({ task: "classify", model: "tiny", fusion: "deep", data: "data" });
    expect(facts.dataset).toMatchObject({ classes: ["near red", "far blue"], width: 16, height: 16 });
    expect(facts.dataset.depth.mean).toBeGreaterThan(0);
    expect(metadata.onestage).not.toContain(folder);
  });

  it("another encoder can start from what was written", async () => {
    const said = await cli("weights", inFolder("single.safetensors"), "--prefix", "encoder.");
    expect(said.code, said.err.join("\n")).toBe(0);
    expect(said.out).toMatch(/encoder +tiny on rgb\nmatched +50 of 50 tensors\n/);
  });

  it("refuses what it cannot do in one line", async () => {
    const run = ["--run", inFolder("run")];
    const out = ["--out", inFolder("new.safetensors")];
    const refused = async (...argv: string[]) => {
      const said = await cli(...argv);
      expect(said.code).toBe(2);
      return said.err.at(-1);
    };
    const there = inFolder("one.safetensors");
    expect(await refused("export", ...run, "--out", there)).toBe(
      `--out: expected a new file, got ${there}, which exists`,
    );
    expect(await refused("export", ...run, ...out, "--network", "privileged-depth")).toMatch(
      /^--network: expected one of/,
    );
    expect(await refused("export", "--run", there, ...out)).toMatch(
      /^--run: expected the folder of a run, got the file/,
    );
    expect(await refused("predict", "--run", there, "--depth", path.join(data, "depth", "val-0-0.png"))).toMatch(
      /^--rgb, --depth, --ir: expected one that a network of the run serves: one-stage-rgb \(rgb\); got depth/,
    );
    expect(await refused("predict", "--run", inFolder("run/model.safetensors"), "--rgb", image)).toMatch(
      /model\.safetensors: expected a network written by onestage export, got other tensors/,
    );
  });

  it.each([
    ["no JSON", "{", /onestage: expected JSON, got/],
    ["another format", '{"format":"onestage-network-9"}', /format: expected "onestage-network-2"/],
    ["no method", '{"format":"onestage-network-2","network":"__proto__"}', /network: expected a method's name/],
    [
      "no settings",
      '{"format":"onestage-network-2","network":"rgb-only","bothHeads":false}',
      /settings: expected an object/,
    ],
  ])("does not trust a file: %s", async (_, said, message) => {
    const file = inFolder("odd.safetensors");
    writeFileSync(file, serializeSafetensors(new Map(), { onestage: said }));
    const { code, err } = await cli("predict", "--run", file, "--rgb", image);
    expect(code).toBe(2);
    expect(err).toHaveLength(1);
    expect(err[0]).toMatch(message);
  });
});

describe("what PyTorch makes of it", () => {
  it.each(["resnet18", "resnet34", "resnet50"] as const)("%s: torchvision's names, every one", async (model) => {
    const network = new SingleNetwork(new ShapeInit(), 3, 10, encoderConfig(model));
    const written = new Map<string, SafeTensor>();
    for (const [name, { shape }] of network.state()) written.set(name, { dtype: "F32", shape, data: new Uint8Array() });
    const names = [...withCounters(written).keys()].map((name) => name.replace(/^(encoder|head)\./, ""));
    expect(names.sort()).toEqual([...torchvisionShapes(encoderConfig(model), 10).keys()].sort());
  });

  it("counters are whole numbers without axes, as PyTorch's", () => {
    const one = new Map<string, SafeTensor>([
      ["bn.running_var", { dtype: "F32", shape: [1], data: new Uint8Array(4) }],
    ]);
    const file = parseSafetensors(serializeSafetensors(withCounters(one)), "made");
    expect(file.tensors.get("bn.num_batches_tracked")).toEqual({ dtype: "I64", shape: [], data: new Uint8Array(8) });
  });
});
