import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/cli/config.ts";
import { encodePng } from "../../src/data/png.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { FormatError, NoAdapterError, OnestageError } from "../../src/tensor/errors.ts";
import { testDevice } from "../device.ts";
import { cli, cliWith, type Said, temporaryFolder, writeDataset } from "./harness.ts";

const folder = temporaryFolder();
const good = path.join(folder, "good");
const bad = path.join(folder, "bad");
const out = path.join(folder, "out");
const run = path.join(folder, "run");

beforeAll(async () => {
  writeDataset(good);
  const flags = ["--data", good, "--epochs", "1", "--batch", "4", "--methods", "rgb-only"];
  const said = await cli("train", ...flags, "--out", run);
  expect(said.code, said.err.join("\n")).toBe(0);
});

// So that one failure does not bring others.
afterEach(() => rmSync(out, { recursive: true, force: true }));

/** Exit code 2, nothing on stdout, and one line that matches. */
function expectRefused(said: Said, message: RegExp): void {
  expect(said.err.join("\n")).toMatch(message);
  expect(said.err).toHaveLength(1);
  expect(said.err[0]).not.toMatch(/\n|internal error| at .+:\d+:\d+/);
  expect(said).toMatchObject({ code: 2, out: "" });
}

describe("train refuses, and writes nothing", () => {
  const small = ["--epochs", "1", "--methods", "rgb-only"];

  /** Each bad dataset: what is done to a good one, and what is said about it. */
  const datasets: Record<string, { spoil(): void; says: RegExp }> = {
    "a folder that is missing": {
      spoil: () => rmSync(bad, { recursive: true }),
      says: /bad: expected a dataset folder, got nothing there$/,
    },
    "an empty folder": {
      spoil: () => {
        rmSync(bad, { recursive: true });
        mkdirSync(bad);
      },
      says: /bad: expected one of the known layouts: .+, got an empty folder$/,
    },
    "a depth map that is missing": {
      spoil: () => rmSync(path.join(bad, "depth", "train-1-2.png")),
      says: /train-1-2\.png: expected a file \(named by .+train\.txt:9\), got nothing there$/,
    },
    "an image of another size": {
      spoil: () => writeFileSync(path.join(bad, "rgb", "val-0-1.png"), png(20, 16, 3)),
      says: /val-0-1\.png: expected 16x16 pixels like .+, got 20x16$/,
    },
    "depth in 8 bits": {
      spoil: () => writeFileSync(path.join(bad, "depth", "val-0-1.png"), png(16, 16, 1)),
      says: /depth.val-0-1\.png: expected a 16-bit grey PNG \(millimetres\), got 8-bit grey$/,
    },
    "a class index out of range": {
      spoil: () => writeFileSync(path.join(bad, "val.txt"), "val-0-0 0\nval-0-1 2\n"),
      says: /val\.txt:2: expected a class index 0\.\.1, got "2"$/,
    },
    "a truncated image": {
      spoil: () => {
        const file = path.join(bad, "rgb", "train-0-0.png");
        writeFileSync(file, readFileSync(file).subarray(0, 200));
      },
      says: /train-0-0\.png: expected .+, got .+$/,
    },
    "a file name that leads out of the folder": {
      spoil: () => writeFileSync(path.join(bad, "val.txt"), "../../good/rgb/val-0-0 0\n"),
      says: /val\.txt:1: expected a path inside the dataset folder, got /,
    },
    "a label out of range": {
      spoil: () => {
        mkdirSync(path.join(bad, "label"));
        writeFileSync(path.join(bad, "train.txt"), "train-0-0\n");
        writeFileSync(path.join(bad, "val.txt"), "train-0-0\n");
        writeFileSync(path.join(bad, "label", "train-0-0.png"), png(16, 16, 1, 7));
      },
      says: /train-0-0\.png at x 0, y 0: expected a label 0\.\.1 or 255, got 7$/,
    },
    "images without a class": {
      spoil: () => {
        mkdirSync(path.join(bad, "label"));
        writeFileSync(path.join(bad, "train.txt"), "train-0-0\n");
        writeFileSync(path.join(bad, "val.txt"), "train-0-0\n");
        writeFileSync(path.join(bad, "label", "train-0-0.png"), png(16, 16, 1));
      },
      says: /^--task classify: expected images of 2 or more classes, got none in bad$/,
    },
    "no training images": {
      spoil: () => rmSync(path.join(bad, "train.txt")),
      says: /^--data: expected the splits train and val or test, got val in bad$/,
    },
    "nothing to compare on": {
      spoil: () => rmSync(path.join(bad, "val.txt")),
      says: /^--data: expected the splits train and val or test, got train in bad$/,
    },
  };

  it.each(Object.entries(datasets))("%s", async (_, { spoil, says }) => {
    rmSync(bad, { recursive: true, force: true });
    cpSync(good, bad, { recursive: true });
    spoil();
    expectRefused(await cli("train", "--data", bad, ...small, "--out", out), says);
    expect(existsSync(out)).toBe(false);
  });

  it.each<[string, string[], RegExp]>([
    ["an unknown flag", ["--epocs", "3"], /^unknown option '--epocs' \(Did you mean --epochs\?\)$/],
    ["a flag without its value", ["--epochs"], /^option '--epochs <n>' argument missing$/],
    ["a value that is no number", ["--lr", "fast"], /^--lr: expected a number from 1e-9 to 10, got "fast"$/],
    ["an argument too many", ["now"], /^too many arguments/],
    [
      "a task that the images have no labels for",
      ["--task", "segment"],
      /^--task segment: expected pixels of 2 or more classes, got none in good$/,
    ],
    ["sizes for images that have one", ["--size", "32"], /^--size: expected only without --data/],
    ["a batch of more than there is", ["--batch", "13"], /^--batch: expected at most 12, .+, got 13$/],
    ["--resume with --force", ["--resume", "--force"], /^--force: expected not to come with --resume/],
  ])("%s", async (_, flags, says) => {
    expectRefused(await cli("train", "--data", good, ...small, "--out", out, ...flags), says);
    expect(existsSync(out)).toBe(false);
  });

  it("a batch that does not fit into the adapter's buffers", async () => {
    const said = await cli("train", "--data", good, ...small, "--batch", "1000000", "--out", out);
    expectRefused(said, /^--batch 1000000: expected a tensor of at most .+ MiB .+, got .+ MiB; use a smaller batch/);
    expect(existsSync(out)).toBe(false);
  });

  it("a batch whose activations do not fit into memory", async () => {
    const device = await testDevice();
    const budget = device.pool.budget;
    device.pool.budget = device.pool.memory().liveBytes + 200_000;
    try {
      const said = await cli("train", "--data", good, ...small, "--out", out);
      expectRefused(said, /: expected at most .+ MiB of live GPU memory, got .+ more asked; use a smaller batch/);
      expect(existsSync(out)).toBe(false);
    } finally {
      device.pool.budget = budget;
    }
  });

  it("to work without an adapter", async () => {
    const openDevice = () => Promise.reject(new NoAdapterError("WebGPU: expected an adapter, got none"));
    expectRefused(
      await cliWith({ openDevice }, "train", "--data", good, "--out", out),
      /^WebGPU: expected an adapter, got none$/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("when it is interrupted before it began, with exit code 130", async () => {
    const abort = new AbortController();
    abort.abort();
    const said = await cliWith({ signal: abort.signal }, "train", "--data", good, "--out", out);
    expect(said).toMatchObject({ code: 130, out: "", err: ["interrupted"] });
    expect(existsSync(out)).toBe(false);
  });
});

describe("train never overwrites", () => {
  const flags = ["train", "--epochs", "1", "--methods", "rgb-only"];

  it("a run without --force", async () => {
    const before = readFileSync(path.join(run, "model.safetensors"));
    const said = await cli(...flags, "--data", good, "--out", run);
    expectRefused(
      said,
      /^--out: expected a new folder, got the run .+run \(--resume continues it, --force replaces it\)$/,
    );
    expect(readFileSync(path.join(run, "model.safetensors")).equals(before)).toBe(true);
  });

  it("other people's files, not even with --force", async () => {
    expectRefused(await cli(...flags, "--data", good, "--out", good, "--force"), /^--out: .+ which holds other files$/);
    expect(existsSync(path.join(good, "classes.txt"))).toBe(true);
    const file = path.join(good, "classes.txt");
    expectRefused(await cli(...flags, "--data", good, "--out", file), /^--out: expected a folder, got the file /);
  });

  it("what another process trains", async () => {
    const held = path.join(folder, "held");
    cpSync(run, held, { recursive: true });
    rmSync(path.join(held, "results.json"));
    // The test's own process is one that lives; Linux tells when it started, too.
    const started = process.platform === "linux" ? ` ${startOf(process.pid)}` : "";
    writeFileSync(path.join(held, ".lock"), `${process.pid}${started}`);
    const said = await cli("train", "--resume", "--out", held);
    expectRefused(
      said,
      new RegExp(`held: expected a folder that nobody trains into, got one that process ${process.pid} `),
    );
    writeFileSync(path.join(held, ".lock"), "999999999 1");
    expect((await cli("train", "--resume", "--out", held)).code).toBe(0);
    expect(existsSync(path.join(held, ".lock"))).toBe(false);
  });
});

function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
}

describe("--resume refuses", () => {
  it("a folder that is no run, and one that is not there", async () => {
    expectRefused(
      await cli("train", "--resume", "--out", good),
      /good: expected the folder of a run, got a folder without config\.json$/,
    );
    expectRefused(
      await cli("train", "--resume", "--out", out),
      /out: expected the folder of a run, got nothing there$/,
    );
  });

  it("other settings", async () => {
    const said = await cli("train", "--resume", "--out", run, "--epochs", "2");
    expectRefused(said, /^--epochs: expected 1 as the run was started with, got 2$/);
  });

  it("other images", async () => {
    const moved = path.join(folder, "moved");
    cpSync(run, path.join(moved, "run"), { recursive: true });
    rmSync(path.join(moved, "run", "results.json"));
    writeDataset(path.join(moved, "good"), { splits: { train: 5, val: 4 } });
    const said = await cli("train", "--resume", "--out", path.join(moved, "run"));
    expectRefused(said, /^good: expected the images that the run was started with, got others$/);
  });

  it("checkpoints that are all damaged", async () => {
    const damaged = path.join(folder, "damaged");
    cpSync(run, damaged, { recursive: true });
    rmSync(path.join(damaged, "results.json"));
    mkdirSync(path.join(damaged, "checkpoints"));
    writeFileSync(path.join(damaged, "checkpoints", "checkpoint-00000001.safetensors"), "nonsense");
    const said = await cli("train", "--resume", "--out", damaged);
    expect(said.code).toBe(2);
    expect(said.err.at(-1)).toMatch(/checkpoints: expected at least one intact checkpoint, got 1 damaged: /);
  });
});

describe("eval and predict refuse", () => {
  const image = path.join(good, "rgb", "val-0-0.png");
  /** A copy of the run in which one file is replaced. */
  function spoiled(file: string, content: (before: Buffer) => Uint8Array | string): string {
    const copy = path.join(folder, "spoiled");
    rmSync(copy, { recursive: true, force: true });
    cpSync(run, copy, { recursive: true });
    writeFileSync(path.join(copy, file), content(readFileSync(path.join(copy, file))));
    return copy;
  }
  const header = (json: string) => {
    const bytes = Buffer.alloc(8 + json.length);
    bytes.writeBigUInt64LE(BigInt(json.length));
    bytes.write(json, 8);
    return bytes;
  };

  it.each<[string, (before: Buffer) => Uint8Array | string, RegExp]>([
    ["an empty one", () => "", /expected a safetensors file of at least 8 bytes, got 0 bytes$/],
    [
      "a truncated one",
      (before) => before.subarray(0, before.length - 4),
      /expected \d+ bytes as its header says, got \d+ bytes$/,
    ],
    [
      "a header longer than the file",
      () => Buffer.from([0xff, 0xff, 0, 0, 0, 0, 0, 0]),
      /expected a safetensors header of 65535 bytes, got only 0 bytes/,
    ],
    [
      "a header of 2^63 bytes",
      () => Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]),
      /expected a safetensors header of at most \d+ bytes/,
    ],
    [
      "tensors that overlap",
      () => {
        const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
        return Buffer.concat([header(`{"a":${entry},"b":${entry}}`), Buffer.alloc(4)]);
      },
      /expected tensor "b" to start at data byte 4, got an overlap: 0$/,
    ],
    [
      "a tensor of another size",
      (before) => changed(before, "rgb-only.head.fc.bias", [3]),
      /rgb-only\.head\.fc\.bias: expected 2 elements, got 3/,
    ],
    [
      "a tensor of another shape",
      (before) => changed(before, "rgb-only.head.fc.weight", [96, 2]),
      /1 of another shape: head\.fc\.weight \[96,2\] for \[2,96\]$/,
    ],
    [
      "a tensor of another type",
      (before) => changed(before, "rgb-only.head.fc.bias", [2], "I32"),
      /rgb-only\.head\.fc\.bias: expected dtype F32 or F16, got I32$/,
    ],
    [
      "without a tensor",
      (before) => changed(before, "rgb-only.head.fc.bias", null),
      /expected the \d+ tensors of the module, got 1 missing: head\.fc\.bias$/,
    ],
  ])("a model file: %s", async (_, content, says) => {
    const copy = spoiled("model.safetensors", content);
    expectRefused(await cli("eval", "--run", copy), says);
    expectRefused(await cli("predict", "--run", copy, "--rgb", image), says);
  });

  function changed(before: Buffer, name: string, shape: number[] | null, dtype: "F32" | "I32" = "F32"): Uint8Array {
    const tensors = new Map(parseSafetensors(before, "model").tensors);
    expect(tensors.has(name)).toBe(true);
    if (shape === null) tensors.delete(name);
    else tensors.set(name, { dtype, shape, data: new Uint8Array(4 * shape.reduce((a, b) => a * b, 1)) });
    return serializeSafetensors(tensors);
  }

  it.each<[string, string[], RegExp]>([
    ["a run that is not there", ["--run", "nowhere"], /nowhere: expected the folder of a run, got nothing there$/],
    ["no run", [], /^required option '--run <folder>' not specified$/],
  ])("%s", async (_, flags, says) => {
    expectRefused(await cli("eval", ...flags), says);
    expectRefused(await cli("predict", ...flags), says);
  });

  it.each<[string, string[], RegExp]>([
    ["a split that is not there", ["--split", "test"], /^--split: expected one of train, val, got test$/],
    [
      "an unknown modality",
      ["--modality", "sound"],
      /^--modality: expected one of rgb, depth, ir, both, all, got sound$/,
    ],
    [
      "a modality that nothing serves",
      ["--modality", "both"],
      /^--modality: expected one that a network of the run serves: rgb-only \(rgb\); got both$/,
    ],
    ["an unknown network", ["--network", "p"], /^--network: expected one of rgb-only, got p$/],
    [
      "a network that sees something else",
      ["--network", "rgb-only", "--modality", "depth"],
      /^--network: expected one that sees depth, got rgb-only, which sees rgb$/,
    ],
    ["a dataset that is not there", ["--data", "nowhere"], /nowhere: expected a dataset folder, got nothing there$/],
  ])("%s", async (_, flags, says) => {
    expectRefused(await cli("eval", "--run", run, ...flags), says);
  });

  it("a dataset of another kind", async () => {
    const other = path.join(folder, "other");
    writeDataset(other, { size: 20, splits: { val: 1 } });
    expectRefused(
      await cli("eval", "--run", run, "--data", other),
      /^other: expected images of 16x16 pixels as the run was trained on, got 20x20$/,
    );
    writeDataset(other, { splits: { val: 1 }, classes: ["a", "b"] });
    expectRefused(
      await cli("eval", "--run", run, "--data", other),
      /^other: expected the run's classes \(near red, far blue\), got a, b$/,
    );
  });

  it("a run that is not finished", async () => {
    const copy = spoiled("results.json", () => "{}");
    rmSync(path.join(copy, "model.safetensors"));
    expectRefused(
      await cli("eval", "--run", copy),
      /expected a finished run with model\.safetensors, got one without it/,
    );
  });

  it.each<[string, string[], RegExp]>([
    ["no image", [], /^--rgb, --depth, --ir: expected an image for one of them, the first two or all, got none$/],
    [
      "an image that is not there",
      ["--rgb", "nowhere.png"],
      /nowhere\.png: cannot read: there is no such file or folder \(ENOENT\)$/,
    ],
    ["a folder", ["--rgb", good], /good: expected a regular file, got a folder$/],
    [
      "a label map of what has none",
      ["--rgb", image, "--save", "labels.png"],
      /^--save: expected a run that classifies pixels, got one of images$/,
    ],
    ["what is no image", ["--rgb", path.join(good, "classes.txt")], /classes\.txt: expected a PNG file, got /],
  ])("predict: %s", async (_, flags, says) => {
    expectRefused(await cli("predict", "--run", run, ...flags), says);
  });

  it("config.json that is no JSON, or of another kind", async () => {
    expectRefused(
      await cli(
        "eval",
        "--run",
        spoiled("config.json", () => "{"),
      ),
      /config\.json: expected JSON, got /,
    );
    expectRefused(
      await cli(
        "eval",
        "--run",
        spoiled("config.json", () => "[]"),
      ),
      /config\.json: expected an object, got \[\]$/,
    );
    expectRefused(
      await cli(
        "eval",
        "--run",
        spoiled("config.json", () => "{}"),
      ),
      /config\.json: format: expected "onestage-run-2", got nothing$/,
    );
  });

  it("config.json with any entry replaced by anything is read or refused, never a crash", async () => {
    const config = JSON.parse(readFileSync(path.join(run, "config.json"), "utf8"));
    const target = spoiled("config.json", (before) => before);
    const paths = leaves(config);
    expect(paths.length).toBeGreaterThan(40);
    let refused = 0;
    for (const keys of paths) {
      for (const value of [null, -1, 1e300, "toString", "__proto__", [], {}, true]) {
        writeFileSync(path.join(target, "config.json"), JSON.stringify(replaced(config, keys, value)));
        const error = await readConfig(target).then(
          () => null,
          (failure: unknown) => failure,
        );
        if (error === null) continue;
        expect(error, `${keys.join(".")} = ${JSON.stringify(value)}`).toBeInstanceOf(OnestageError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(200);
    await expect(readConfig(target)).rejects.toBeInstanceOf(FormatError);
  });
});

/** The paths of all values inside JSON, inner ones included. */
function leaves(value: unknown, at: string[] = []): string[][] {
  const here = at.length > 0 ? [at] : [];
  if (typeof value !== "object" || value === null) return here;
  return [...here, ...Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: string[], by: unknown): unknown {
  if (key === undefined) return by;
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, by);
  return copy;
}

function png(width: number, height: number, channels: number, value = 0): Uint8Array {
  return encodePng({ width, height, data: new Uint8Array(channels * width * height).fill(value) });
}
