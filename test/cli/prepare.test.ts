import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openFolder } from "../../src/data/node/folder.ts";
import { openPackedFolder } from "../../src/data/node/packedFolder.ts";
import { serializeSafetensors } from "../../src/data/safetensors.ts";
import { statistics } from "../../src/data/statistics.ts";
import { randomIntegers } from "../fuzz/mutate.ts";
import { cli, cliWith, type Said, temporaryFolder, writeDataset } from "./harness.ts";
import { bundledProgram, startProgram } from "./process.ts";

const folder = temporaryFolder();
const data = path.join(folder, "data");
const large = path.join(folder, "large");
const out = path.join(folder, "out");
const whole = path.join(folder, "whole");
const bundle = bundledProgram();

beforeAll(async () => {
  writeDataset(data);
  // 81,924 bytes a sample: 12 to a shard of 1 MiB, so 4 + 2 shards.
  writeDataset(large, { size: 128, splits: { train: 20, val: 10 } });
  const said = await prepare(large, whole, "--shard", "1");
  expect(said.code, said.err.join("\n")).toBe(0);
}, 120_000);

afterEach(() => rmSync(out, { recursive: true, force: true }));

const prepare = (from: string, to: string, ...flags: string[]) =>
  cli("prepare", "lists", from, to, "--jobs", "1", ...flags);

/** Every file of a folder, by name. */
function contents(of: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(of)
      .sort()
      .map((name) => [name, readFileSync(path.join(of, name), "base64")]),
  );
}

/** Exit code 2, nothing on stdout, and one line that matches. */
function expectRefused(said: Said, message: RegExp): void {
  expect(said.err.join("\n")).toMatch(message);
  expect(said.err).toHaveLength(1);
  expect(said).toMatchObject({ code: 2, out: "" });
}

describe("prepare", () => {
  it("writes what the folder holds, with its statistics", async () => {
    const said = await prepare(data, out, "--json");
    expect(said.err).toEqual([]);
    const found = JSON.parse(said.out);
    expect(found).toMatchObject({ folder: out, name: "data", kind: "lists", width: 16, height: 16, depthUnit: "mm" });
    expect(found).toMatchObject({ splits: { train: 12, val: 8 }, shards: 2, made: 2, kept: 0 });
    const [packed, plain] = [await openPackedFolder(out), await openFolder(data)];
    for (const split of plain.splits) {
      expect(packed.size(split)).toBe(plain.size(split));
      for (let i = 0; i < plain.size(split); i++) {
        expect(packed.sample(split, i)).toEqual({ ...plain.sample(split, i), label: undefined });
      }
    }
    expect(packed.index.statistics).toEqual(statistics(plain, "train"));
    expect(found.statistics).toEqual(statistics(plain, "train"));
    expect([packed.classes, packed.labels]).toEqual([plain.classes, []]);
  });

  it("splits into shards, whose sums are those of the whole", async () => {
    const packed = await openPackedFolder(whole);
    expect(packed.index.splits.train.shards.map(({ count }) => count)).toEqual([12, 12, 12, 4]);
    expect(packed.index.statistics).toEqual(statistics(await openFolder(large), "train"));
  });

  it("resizes, and says so in plain words", async () => {
    const said = await prepare(data, out, "--size", "8x4", "--depth-unit", "steps");
    expect(said.out).toMatch(/out: 12 train, 8 val of 8x4, depth in steps, 2 shards, 0 MiB, .+\n$/);
    const [packed, plain] = [await openPackedFolder(out), await openFolder(data)];
    expect([packed.width, packed.height, packed.index.depthUnit]).toEqual([8, 4, "steps"]);
    const [small, full] = [packed.sample("val", 3), plain.sample("val", 3)];
    // The pixel under the centre of the first: x 1, y 2 of 16x16. The mean of 2x4 pixels for colour.
    expect(small.depth[0]).toBe(full.depth[2 * 16 + 1]);
    let sum = 0;
    for (let y = 0; y < 4; y++) for (let x = 0; x < 2; x++) sum += full.rgb[3 * (16 * y + x)];
    expect(small.rgb[0]).toBe(Math.round(sum / 8));
  });

  it("keeps what is whole, makes again what is damaged, and replaces all with --force", async () => {
    await prepare(data, out);
    const first = contents(out);
    expect(JSON.parse((await prepare(data, out, "--json")).out)).toMatchObject({ made: 0, kept: 2 });
    const shard = path.join(out, "val-00000.safetensors");
    const bytes = readFileSync(shard);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(shard, bytes);
    writeFileSync(path.join(out, ".train-00000.safetensors.0a0b0c0a0b0c.tmp"), "left by a killed process");
    expect(JSON.parse((await prepare(data, out, "--json")).out)).toMatchObject({ made: 1, kept: 1 });
    expect(contents(out)).toEqual(first);
    appendFileSync(shard, "x");
    expect((await prepare(data, out)).out).toMatch(/2 shards \(1 were there already\)/);
    expect(contents(out)).toEqual(first);
    expect(JSON.parse((await prepare(data, out, "--json", "--force")).out)).toMatchObject({ made: 2, kept: 0 });
    expect(contents(out)).toEqual(first);
  });

  it("ends at Ctrl-C with exit code 130, and then goes on", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 30);
    const flags = ["prepare", "lists", large, out, "--jobs", "1", "--shard", "1"];
    const said = await cliWith({ signal: abort.signal }, ...flags);
    expect(said).toMatchObject({ code: 130, err: ["interrupted; what is finished is kept, the same command goes on"] });
    expect(existsSync(path.join(out, "index.json"))).toBe(false);
    expect((await cli(...flags)).code).toBe(0);
    expect(contents(out)).toEqual(contents(whole));
  });
});

describe("prepare refuses, and overwrites nothing", () => {
  it.each([
    [["imagenet", data, out], /^<kind>: expected one of nyuv2, .+, got imagenet$/],
    [["lists", path.join(folder, "nowhere"), out], /nowhere: expected a dataset to prepare, got nothing there$/],
    [["lists", data], /missing required argument 'out'/],
    [["lists", data, out, "--size", "64"], /^--size: expected WIDTHxHEIGHT of 1 to 9999 pixels, got 64$/],
    [["lists", data, out, "--size", "0x9"], /^--size: expected WIDTHxHEIGHT/],
    [["lists", data, out, "--jobs", "0"], /^--jobs: expected a whole number from 1 to 256, got 0$/],
    [["lists", data, out, "--shard", "65"], /^--shard: expected a whole number from 1 to 64, got 65$/],
    [["lists", data, out, "--classes", "13"], /^--classes: expected nothing of the kind with lists, got 13$/],
    [["lists", data, out, "--depth", "deep"], /Allowed choices are filled, raw, disparity/],
    [["lists", data, out, "--depth-unit", "a\nb"], /^--depth-unit: expected 1 to 40 letters/],
  ] as [string[], RegExp][])("%j", async (flags, says) => {
    expectRefused(await cli("prepare", ...flags), says);
    expect(existsSync(out)).toBe(false);
  });

  it("a folder with other files, with or without --force", async () => {
    mkdirSync(out);
    writeFileSync(path.join(out, "thesis.txt"), "years of work");
    for (const force of [[], ["--force"]]) {
      expectRefused(
        await prepare(data, out, ...force),
        /^<out>: expected a new folder or one of this dataset, got .+, which holds thesis.txt$/,
      );
    }
    rmSync(path.join(out, "thesis.txt"));
    writeFileSync(path.join(out, "index.json"), '{"mine":true}');
    for (const force of [[], ["--force"]]) {
      expectRefused(
        await prepare(data, out, ...force),
        /index\.json: format: expected "onestage-packed-1", got nothing$/,
      );
    }
    expect(contents(out)).toEqual({ "index.json": Buffer.from('{"mine":true}').toString("base64") });
  });

  it("a folder whose files have names much like its own, with or without --force", async () => {
    const mine = new Map<string, Uint8Array>([
      ["train-00000.safetensors", serializeSafetensors(new Map(), { by: "me" })],
      ["checkpoint-00000100.safetensors", serializeSafetensors(new Map())],
      ["thesis.tmp", new Uint8Array([1])],
    ]);
    for (const [name, bytes] of mine) {
      mkdirSync(out);
      writeFileSync(path.join(out, name), bytes);
      for (const force of [[], ["--force"]]) {
        const said = await prepare(data, out, ...force);
        expectRefused(said, new RegExp(`^<out>: expected a new folder or one of .+ ${name.replaceAll(".", "[.]")}`));
      }
      expect(contents(out)).toEqual({ [name]: Buffer.from(bytes).toString("base64") });
      rmSync(out, { recursive: true });
    }
  });

  it("another dataset, or the beginning of one, without --force", async () => {
    await prepare(data, out, "--size", "8x8");
    const before = contents(out);
    expectRefused(
      await prepare(data, out),
      /got the dataset .+out from another source, with other options or by an earlier version \(--force replaces it\)$/,
    );
    expect(contents(out)).toEqual(before);
    rmSync(path.join(out, "index.json"));
    expectRefused(await prepare(data, out), /got .+out, which was begun from another source, with other options/);
    expect((await prepare(data, out, "--force")).code).toBe(0);
    expect((await openPackedFolder(out)).width).toBe(16);
  });

  it("another source of the same name with files of the same names, without --force", async () => {
    const twin = path.join(folder, "twin", "data");
    mkdirSync(path.dirname(twin));
    writeDataset(twin);
    expect((await prepare(data, out)).code).toBe(0);
    const before = contents(out);
    expect(JSON.parse((await prepare(twin, out, "--json")).out)).toMatchObject({ made: 0, kept: 2 });
    // The same picture, in other bytes.
    const image = path.join(twin, "rgb", "train-0-0.png");
    appendFileSync(image, "more");
    expectRefused(await prepare(twin, out), /got the dataset .+out from another source, .+ \(--force replaces it\)$/);
    rmSync(path.join(out, "index.json"));
    expectRefused(await prepare(twin, out), /got .+out, which was begun from another source/);
    expect(JSON.parse((await prepare(data, out, "--json")).out)).toMatchObject({ made: 0, kept: 2 });
    expect(contents(out)).toEqual(before);
  });

  it("images of different sizes are brought to one only where it is told", async () => {
    // Made from the colour image of another size by hand: the other layouts check this too.
    const mixed = path.join(folder, "mixed");
    writeDataset(mixed);
    const other = path.join(folder, "other");
    writeDataset(other, { size: 20 });
    for (const part of ["rgb", "depth"]) {
      writeFileSync(path.join(mixed, part, "val-0-1.png"), readFileSync(path.join(other, part, "val-0-1.png")));
    }
    expectRefused(
      await prepare(mixed, out),
      /val-0-1.+expected 16x16 pixels like the first image.+got 20x20 \(--size brings all to one size\)$/,
    );
    expect((await prepare(mixed, out, "--size", "16x16", "--force")).code).toBe(0);
  });
});

describe("prepare in several processes", { timeout: 300_000 }, () => {
  const start = (...more: string[]) => startProgram(bundle, ["prepare", "lists", large, out, "--shard", "1", ...more]);

  it("gives the same bytes as in one", async () => {
    const program = start("--jobs", "3", "--json");
    expect(await program.ended, program.said.err).toBe(0);
    expect(JSON.parse(program.said.out)).toMatchObject({ shards: 6, made: 6 });
    expect(contents(out)).toEqual(contents(whole));
  });

  it("killed again and again, goes on to the very same files and makes no shard twice", async () => {
    const finished = () =>
      existsSync(out) ? readdirSync(out).filter((name) => /^\w+-\d+\.safetensors$/.test(name)) : [];
    const random = randomIntegers(8);
    let kept = 0;
    for (const wanted of [1, 2, 4]) {
      const program = start("--jobs", "2");
      const over = program.ended.then(() => true);
      while (finished().length < wanted && !(await Promise.race([over, sleep(2, false)])));
      await sleep(random(20));
      program.kill("SIGKILL");
      await program.ended;
      expect(finished().length).toBeGreaterThanOrEqual(wanted);
      kept = finished().length;
    }
    const last = start("--jobs", "2", "--json");
    expect(await last.ended, last.said.err).toBe(0);
    expect(JSON.parse(last.said.out)).toMatchObject({ kept, made: 6 - kept });
    expect(contents(out)).toEqual(contents(whole));
  });

  it("an image that is damaged ends all of them with one line", async () => {
    const spoilt = path.join(folder, "spoilt");
    writeDataset(spoilt, { size: 128, splits: { train: 20, val: 10 } });
    writeFileSync(path.join(spoilt, "rgb", "val-0-1.png"), "no image");
    const program = startProgram(bundle, ["prepare", "lists", spoilt, out, "--shard", "1", "--jobs", "2"]);
    expect(await program.ended).toBe(2);
    expect(program.said.err).toMatch(
      // On a busy machine, words of progress come before it.
      /^(?:onestage: preparing .+\n)*onestage: .+val-0-1\.png: expected a PNG file, got a file that begins with bytes .+\n$/,
    );
    expect(existsSync(path.join(out, "index.json"))).toBe(false);
  });
});

describe("--data takes a packed folder", () => {
  it.each([
    ["to classify", false, []],
    ["to segment", true, ["--task", "segment"]],
  ])("%s: two steps give byte-equal weights", async (_, labels, task) => {
    const plain = writeDataset(path.join(folder, `plain-${labels}`), {
      size: 32,
      labels,
      splits: { train: 4, val: 2 },
    });
    expect((await prepare(plain, out)).code).toBe(0);
    const flags = ["--epochs", "1", "--batch", "4", "--methods", "rgb-only", "--seed", "3", ...task];
    const weights: Buffer[] = [];
    for (const from of [plain, out]) {
      const run = path.join(folder, `run-${labels}-${weights.length}`);
      const said = await cli("train", "--data", from, "--out", run, ...flags);
      expect(said.code, said.err.join("\n")).toBe(0);
      weights.push(readFileSync(path.join(run, "networks", "rgb-only.safetensors")));
    }
    expect(weights[0].equals(weights[1])).toBe(true);
  });

  it("says what is wrong with one", async () => {
    await prepare(data, out);
    const shard = path.join(out, "train-00000.safetensors");
    const bytes = readFileSync(shard);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(shard, bytes);
    const train = () => cli("train", "--data", out, "--out", path.join(folder, "never"), "--methods", "rgb-only");
    expectRefused(
      await train(),
      /train-00000\.safetensors: expected a shard whose content matches its hash, got a damaged one$/,
    );
    rmSync(shard);
    expectRefused(await train(), /train-00000\.safetensors: expected a file \(named by .+\), got nothing there$/);
    expect(existsSync(path.join(folder, "never"))).toBe(false);
  });
});

const real = process.env.ONESTAGE_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const absent = existsSync(real) ? "" : ` (skipped: no folder ${real}; set ONESTAGE_DATA)`;

describe.skipIf(absent)(`the real datasets${absent}`, () => {
  it("potholes-mit, whose depth is not millimetres, packed holds what the folder holds", async () => {
    const from = path.join(real, "potholes-mit");
    expect((await prepare(from, out, "--depth-unit", "transformed disparity")).code).toBe(0);
    const [packed, plain] = [await openPackedFolder(out), await openFolder(from)];
    expect(packed.index).toMatchObject({
      name: "potholes-mit",
      depthUnit: "transformed disparity",
      labels: plain.labels,
    });
    expect(packed.index.statistics).toEqual(statistics(plain, "train"));
    for (const split of plain.splits) {
      expect(packed.size(split)).toBe(plain.size(split));
      for (let i = 0; i < plain.size(split); i++) {
        const [a, b] = [packed.sample(split, i), plain.sample(split, i)];
        expect([a.name, a.target]).toEqual([b.name, b.target]);
        for (const part of ["rgb", "depth", "label"] as const) {
          expect(Buffer.compare(Buffer.from(a[part]!.slice().buffer), Buffer.from(b[part]!.slice().buffer))).toBe(0);
        }
      }
    }
  });
});
