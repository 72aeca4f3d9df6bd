import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FolderOptions, openFolder } from "../../src/data/node/folder.ts";
import { readDepth, readLabel, readRgb } from "../../src/data/node/images.ts";
import { encodePng } from "../../src/data/png.ts";
import { statistics } from "../../src/data/statistics.ts";
import { FormatError, OnestageError, UsageError } from "../../src/tensor/errors.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "onestage-folder-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(relative: string, content: string | Uint8Array): Promise<void> {
  const file = path.join(root, relative);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
}

const rgb = (value: number, width = 3, height = 2) =>
  encodePng({ width, height, data: new Uint8Array(width * height * 3).fill(value) });
const depth = (value: number, width = 3, height = 2) =>
  encodePng({ width, height, data: new Uint16Array(width * height).fill(value) });
const label = (...values: number[]) => encodePng({ width: 3, height: 2, data: Uint8Array.from(values) });

/** Two training samples and one for validation, of classes cat and dog. */
async function classification(): Promise<void> {
  await put("classes.txt", "cat\ndog\n");
  await put("train.txt", "a 0\nb 1\n");
  await put("val.txt", "c 1\n");
  for (const [i, name] of ["a", "b", "c"].entries()) {
    await put(`rgb/${name}.png`, rgb(10 * i));
    await put(`depth/${name}.png`, depth(1000 * (i + 1)));
  }
}

/** One sample a split, with labels of two classes. */
async function segmentation(): Promise<void> {
  await put("classes.txt", "floor\nwall\n");
  for (const [split, name] of [
    ["train", "a"],
    ["val", "b"],
  ]) {
    await put(`${split}.txt`, `${name}\n`);
    await put(`rgb/${name}.png`, rgb(1));
    await put(`depth/${name}.png`, depth(500));
    await put(`label/${name}.png`, label(0, 1, 1, 255, 0, 1));
  }
}

async function classFolders(): Promise<void> {
  for (const file of ["train/dog/1", "train/cat/1", "train/cat/2", "val/dog/9"]) {
    await put(`${file}_rgb.png`, rgb(5));
    await put(`${file}_depth.png`, depth(700));
  }
}

async function failure(options?: FolderOptions): Promise<string> {
  const error = await openFolder(root, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OnestageError);
  return (error as Error).message.replaceAll(root, "DATA");
}

describe("openFolder: layouts", () => {
  it("lists with class indices", async () => {
    await classification();
    const progress: number[] = [];
    const dataset = await openFolder(root, { onProgress: (done, total) => progress.push(done / total) });
    expect(dataset).toMatchObject({
      width: 3,
      height: 2,
      splits: ["train", "val"],
      classes: ["cat", "dog"],
      labels: [],
    });
    expect(dataset.name).toBe(path.basename(root));
    expect([dataset.size("train"), dataset.size("val")]).toEqual([2, 1]);
    expect(dataset.sample("train", 1)).toEqual({
      name: "b",
      width: 3,
      height: 2,
      rgb: new Uint8Array(18).fill(10),
      depth: new Uint16Array(6).fill(2000),
      target: 1,
    });
    expect(progress).toEqual([1 / 3, 2 / 3, 1]);
  });

  it("lists with labels", async () => {
    await segmentation();
    const dataset = await openFolder(root);
    expect(dataset).toMatchObject({ classes: [], labels: ["floor", "wall"] });
    expect(dataset.sample("val", 0).label).toEqual(Uint8Array.of(0, 1, 1, 255, 0, 1));
    expect(dataset.sample("val", 0).target).toBeUndefined();
  });

  it("lists with labels and scenes", async () => {
    await segmentation();
    await put("scene_classes.txt", "kitchen\nothers\n");
    await put("scenes.txt", "a kitchen 0\nb cellar 1\n");
    const dataset = await openFolder(root);
    expect(dataset).toMatchObject({ classes: ["kitchen", "others"], labels: ["floor", "wall"] });
    expect(dataset.sample("val", 0).target).toBe(1);
  });

  it("class folders, whose classes are sorted over all splits", async () => {
    await classFolders();
    await put("train/.hidden/1_rgb.png", "not an image");
    await put("train/cat/notes.txt", "not an image");
    const dataset = await openFolder(root);
    expect(dataset).toMatchObject({ splits: ["train", "val"], classes: ["cat", "dog"], labels: [] });
    const names = [0, 1, 2].map((i) => dataset.sample("train", i)).map(({ name, target }) => `${name} ${target}`);
    expect(names).toEqual(["cat/1 0", "cat/2 0", "dog/1 1"]);
    expect(dataset.sample("val", 0).target).toBe(1);
  });

  it("class folders with an image that is no PNG by its name, not", async () => {
    await classFolders();
    await put("train/cat/3_rgb.JPG", "photo");
    const expected = "a name that ends in .png (or onestage prepare folders)";
    await expect(openFolder(root)).rejects.toThrow(`3_rgb.JPG: expected ${expected}, got 3_rgb.JPG`);
  });

  it("Windows line ends, blank lines and a byte order mark", async () => {
    await classification();
    await put("train.txt", "\ufeffa 0\r\n\r\n  b\t1  ");
    expect((await openFolder(root)).size("train")).toBe(2);
  });

  it("names in folders, and one image named by several lines, read once", async () => {
    await classification();
    await put("rgb/room/x.png", rgb(77));
    await put("depth/room/x.png", depth(88));
    await put("train.txt", "room/x 0\nroom/x 1\n");
    const dataset = await openFolder(root);
    const [one, two] = [dataset.sample("train", 0), dataset.sample("train", 1)];
    expect([one.target, two.target]).toEqual([0, 1]);
    expect(two.rgb).toBe(one.rgb);
  });

  it("a link to the dataset folder, and links within it", async () => {
    await classification();
    await rm(path.join(root, "rgb/b.png"));
    await symlink("a.png", path.join(root, "rgb/b.png"));
    await symlink(root, `${root}-link`);
    const dataset = await openFolder(`${root}-link`).finally(() => rm(`${root}-link`));
    expect(dataset.sample("train", 1).rgb).toEqual(dataset.sample("train", 0).rgb);
  });

  it("refuses a split or a sample that does not exist", async () => {
    await classification();
    const dataset = await openFolder(root);
    expect(() => dataset.size("test")).toThrow(UsageError);
    expect(() => dataset.size("test")).toThrow(/one of the splits train, val, got test$/);
    for (const index of [-1, 2, 0.5, Number.NaN])
      expect(() => dataset.sample("train", index)).toThrow(/a sample 0\.\.1 of train/);
  });
});

describe("openFolder: one clear error", () => {
  const listCases: [string, () => Promise<void>, RegExp][] = [
    [
      "class index too high",
      () => put("train.txt", "a 0\nb 2\n"),
      /^DATA\/train\.txt:2: expected a class index 0\.\.1, got "2"$/,
    ],
    [
      "class index negative",
      () => put("val.txt", "c -1\n"),
      /^DATA\/val\.txt:1: expected a class index 0\.\.1, got "-1"$/,
    ],
    ["class index fractional", () => put("val.txt", "c 0.5\n"), /got "0\.5"$/],
    ["class name in place of an index", () => put("val.txt", "c dog\n"), /a class index 0\.\.1, got "dog"$/],
    ["no class index", () => put("val.txt", "c\n"), /^DATA\/val\.txt:1: expected "NAME CLASS_INDEX", got "c"$/],
    [
      "a third column",
      () => put("val.txt", "\n\nc 1 x\n"),
      /^DATA\/val\.txt:3: expected "NAME CLASS_INDEX", got "c 1 x"$/,
    ],
    [
      "empty list",
      () => put("train.txt", "\n \n"),
      /^DATA\/train\.txt: expected lines of "NAME CLASS_INDEX", got an empty list$/,
    ],
    [
      "list in Latin-1",
      () => put("train.txt", Uint8Array.of(0xe9, 0x20, 0x30)),
      /^DATA\/train\.txt: expected text in UTF-8/,
    ],
    [
      "list with a NUL",
      () => put("train.txt", "a\0 0\n"),
      /^DATA\/train\.txt:1: expected text without control characters/,
    ],
    ["list of 5 MB", () => put("train.txt", "a 0\n".repeat(1_250_000)), /at most 4194304 bytes, got 5000000 bytes$/],
    [
      "no classes",
      () => put("classes.txt", "\n"),
      /^DATA\/classes\.txt: expected one class name a line, got an empty file$/,
    ],
    [
      "class twice",
      () => put("classes.txt", "cat\ncat\n"),
      /^DATA\/classes\.txt:2: expected each class once, got "cat" again$/,
    ],
    [
      "256 classes",
      () => put("classes.txt", Array.from({ length: 256 }, (_, i) => `c${i}`).join("\n")),
      /at most 255 classes/,
    ],
    [
      "climbing path",
      () => put("val.txt", "../../etc/passwd 0\n"),
      /^DATA\/val\.txt:1: expected a path inside the dataset folder/,
    ],
    ["climbing within", () => put("val.txt", "x/../c 0\n"), /a path inside the dataset folder/],
    ["drive letter", () => put("val.txt", "C:/c 0\n"), /a path inside the dataset folder, got "C:\/c"$/],
    ["Windows path", () => put("val.txt", "..\\c 0\n"), /a path inside the dataset folder/],
    [
      "no colour image",
      () => put("train.txt", "a 0\nzz 0\n"),
      /^DATA\/rgb\/zz\.png: expected a file \(named by DATA\/train\.txt:2\), got nothing there$/,
    ],
    [
      "no depth image",
      () => put("rgb/zz.png", rgb(1)).then(() => put("train.txt", "zz 0\n")),
      /^DATA\/depth\/zz\.png: expected a file/,
    ],
    [
      "other width",
      () => put("rgb/b.png", rgb(1, 4, 2)),
      /^DATA\/rgb\/b\.png: expected 3x2 pixels like rgb\/a\.png, got 4x2$/,
    ],
    [
      "other depth size",
      () => put("depth/a.png", depth(1, 2, 3)),
      /^DATA\/depth\/a\.png: expected 3x2 pixels like rgb\/a\.png, got 2x3$/,
    ],
    [
      "8-bit depth",
      () => put("depth/b.png", label(1, 2, 3, 4, 5, 6)),
      /^DATA\/depth\/b\.png: expected a 16-bit grey PNG \(millimetres\), got 8-bit grey$/,
    ],
    [
      "16-bit colour",
      () => put("rgb/b.png", depth(1)),
      /^DATA\/rgb\/b\.png: expected an 8-bit RGB PNG, got 16-bit grey$/,
    ],
    [
      "truncated image",
      () => put("rgb/c.png", rgb(1).subarray(0, 60)),
      /^DATA\/rgb\/c\.png: expected .*\(truncated\)$/,
    ],
    ["empty image", () => put("rgb/a.png", ""), /^DATA\/rgb\/a\.png: expected a PNG file, got an empty file$/],
    [
      "JPEG",
      () => put("rgb/a.png", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0)),
      /^DATA\/rgb\/a\.png: expected a PNG file, got a JPEG file$/,
    ],
    [
      "folder in place of an image",
      () => put("rgb/d.png/x", "").then(() => put("train.txt", "d 0\n")),
      /^DATA\/rgb\/d\.png: expected a regular file, got a folder$/,
    ],
    [
      "file in place of a folder",
      () => put("train.txt", "a.png/x 0\n"),
      /rgb\/a\.png\/x\.png: cannot read: a part of its path is not a folder \(ENOTDIR\)$/,
    ],
  ];
  it.each(listCases)("%s", async (_, damage, says) => {
    await classification();
    await damage();
    expect(await failure()).toMatch(says);
  });

  const labelCases: [string, () => Promise<void>, RegExp][] = [
    [
      "label out of range",
      () => put("label/b.png", label(0, 1, 0, 1, 2, 0)),
      /^DATA\/label\/b\.png at x 1, y 1: expected a label 0\.\.1 or 255, got 2$/,
    ],
    [
      "16-bit label",
      () => put("label/b.png", depth(1)),
      /^DATA\/label\/b\.png: expected an 8-bit grey or palette PNG \(class indices\), got 16-bit grey$/,
    ],
    [
      "no label",
      () => rm(path.join(root, "label/a.png")),
      /^DATA\/label\/a\.png: expected a file \(named by DATA\/train\.txt:1\)/,
    ],
    ["class index beside labels", () => put("train.txt", "a 0\n"), /^DATA\/train\.txt:1: expected "NAME", got "a 0"$/],
    ["no scene_classes.txt", () => put("scenes.txt", "a kitchen 0\n"), /^DATA\/scene_classes\.txt: expected a file/],
    [
      "scene of a sample missing",
      () => put("scenes.txt", "a k 0\n").then(() => put("scene_classes.txt", "k")),
      /^DATA\/val\.txt:1: expected a name that scenes\.txt has too, got b$/,
    ],
    [
      "scene index",
      () => put("scenes.txt", "a k 1\n").then(() => put("scene_classes.txt", "k")),
      /^DATA\/scenes\.txt:1: expected a class index 0\.\.0, got "1"$/,
    ],
    [
      "scene twice",
      () => put("scenes.txt", "a k 0\na k 0\n").then(() => put("scene_classes.txt", "k")),
      /^DATA\/scenes\.txt:2: expected each sample once/,
    ],
    [
      "scene without its index",
      () => put("scenes.txt", "a k\n").then(() => put("scene_classes.txt", "k")),
      /"NAME TYPE CLASS_INDEX", got "a k"$/,
    ],
  ];
  it.each(labelCases)("%s", async (_, damage, says) => {
    await segmentation();
    await damage();
    expect(await failure()).toMatch(says);
  });

  it("half a pair in a class folder", async () => {
    await classFolders();
    await rm(path.join(root, "train/cat/2_depth.png"));
    expect(await failure()).toMatch(
      /^DATA\/train\/cat\/2_depth\.png: expected a file \(named by .*its pair lies\), got nothing there$/,
    );
    await rm(path.join(root, "train/cat/2_rgb.png"));
    await put("train/cat/2_depth.png", depth(1));
    expect(await failure()).toMatch(/^DATA\/train\/cat\/2_rgb\.png: expected a file/);
  });

  it("class folders without images", async () => {
    await mkdir(path.join(root, "train/cat"), { recursive: true });
    expect(await failure()).toMatch(/^DATA\/train: expected CLASS\/NAME_rgb\.png files, got none$/);
  });

  it("an unknown layout: what is known, and what was found", async () => {
    expect(await failure()).toMatch(
      /^DATA: expected one of the known layouts: lists \(rgb\/.*class folders.*, got an empty folder$/,
    );
    await put("images/a.png", "");
    await put("readme.md", "");
    expect(await failure()).toMatch(/, got images, readme\.md$/);
  });

  it("no folder, or a file", async () => {
    await expect(openFolder(path.join(root, "none"))).rejects.toThrow(
      /none: expected a dataset folder, got nothing there$/,
    );
    await put("file", "");
    await expect(openFolder(path.join(root, "file"))).rejects.toThrow(
      /file: cannot read the dataset folder: .*ENOTDIR/,
    );
  });

  it("more than fits into memory, before anything is decoded", async () => {
    await classification();
    expect(await failure({ maxBytes: 100 })).toMatch(
      /^DATA: expected images that fit into 0 MiB of memory, got 3 samples of 3x2/,
    );
  });

  it("only one error of many", async () => {
    await classification();
    for (const name of ["a", "b", "c"]) await put(`depth/${name}.png`, "broken");
    expect(await failure()).toMatch(/^DATA\/depth\/[abc]\.png: expected a PNG file, got a file that begins with bytes/);
  });
});

describe("openFolder: nothing outside the dataset is read", () => {
  let outside: string;
  beforeEach(async () => {
    outside = await mkdtemp(path.join(tmpdir(), "onestage-outside-"));
    await writeFile(path.join(outside, "secret.png"), rgb(200));
    await writeFile(path.join(outside, "secret.txt"), "a 0\n");
  });
  afterEach(() => rm(outside, { recursive: true }));

  it.each(["absolute", "relative"])("by a path that is %s", async (kind) => {
    await classification();
    const target = path.join(outside, "secret");
    await put("train.txt", `${kind === "absolute" ? target : path.relative(path.join(root, "rgb"), target)} 0\n`);
    expect(await failure()).toMatch(/^DATA\/train\.txt:1: expected a path inside the dataset folder, got /);
  });

  it("by a link to an image", async () => {
    await classification();
    await rm(path.join(root, "rgb/b.png"));
    await symlink(path.join(outside, "secret.png"), path.join(root, "rgb/b.png"));
    expect(await failure()).toMatch(
      /^DATA\/train\.txt:2: expected a path inside the dataset folder, got rgb\/b\.png, a link to /,
    );
  });

  it("by a link to a list", async () => {
    await classification();
    await rm(path.join(root, "train.txt"));
    await symlink(path.join(outside, "secret.txt"), path.join(root, "train.txt"));
    expect(await failure()).toMatch(/^DATA: expected a path inside the dataset folder, got train\.txt, a link to /);
  });

  it("by a link to a folder", async () => {
    await classification();
    await rm(path.join(root, "rgb"), { recursive: true });
    await symlink(outside, path.join(root, "rgb"));
    await put("train.txt", "secret 0\n");
    expect(await failure()).toMatch(/^DATA\/train\.txt:1: expected a path inside the dataset folder/);
  });

  it("by a link to a class folder", async () => {
    await classFolders();
    await symlink(outside, path.join(root, "train/secret"));
    expect(await failure()).toMatch(/^DATA: expected a path inside the dataset folder, got train\/secret, a link to /);
  });

  it("nor a folder beside it whose name begins the same", async () => {
    await classification();
    await mkdir(`${root}-2`);
    await writeFile(path.join(`${root}-2`, "x.png"), rgb(1));
    await symlink(path.join(`${root}-2`, "x.png"), path.join(root, "rgb/x.png"));
    await put("train.txt", "x 0\n");
    expect(await failure().finally(() => rm(`${root}-2`, { recursive: true }))).toMatch(
      /a path inside the dataset folder/,
    );
  });
});

describe("single images", () => {
  it("are read for prediction", async () => {
    await put("a.png", rgb(9));
    await put("d.png", depth(1234));
    await put("l.png", label(1, 2, 3, 4, 5, 6));
    expect(await readRgb(path.join(root, "a.png"))).toEqual({ width: 3, height: 2, data: new Uint8Array(18).fill(9) });
    expect((await readDepth(path.join(root, "d.png"))).data).toEqual(new Uint16Array(6).fill(1234));
    expect((await readLabel(path.join(root, "l.png"))).data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
    await expect(readDepth(path.join(root, "a.png"))).rejects.toThrow(FormatError);
    await expect(readRgb(path.join(root, "none.png"))).rejects.toThrow(
      /none\.png: cannot read: there is no such file or folder \(ENOENT\)$/,
    );
  });
});

describe("statistics", () => {
  it("leave out missing depth and ignored pixels", async () => {
    await segmentation();
    await put("depth/a.png", encodePng({ width: 3, height: 2, data: Uint16Array.of(0, 1000, 3000, 0, 1000, 3000) }));
    const { depthMissing, ...rest } = statistics(await openFolder(root), "train");
    expect(rest).toEqual({
      ...{ samples: 1, depthMean: 2, depthStd: 1 },
      ...{ classCounts: [], labelCounts: [2, 3], labelImages: [1, 1] },
    });
    expect(depthMissing).toBeCloseTo(1 / 3, 12);
  });

  it("count classes, and refuse a split without any depth", async () => {
    await classification();
    const dataset = await openFolder(root);
    expect(statistics(dataset, "train").classCounts).toEqual([1, 1]);
    await put("depth/c.png", depth(0));
    const empty = await openFolder(root);
    expect(() => statistics(empty, "val")).toThrow(/expected depth in split val, got none in 1 samples$/);
  });
});

const data = process.env.ONESTAGE_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const absent = existsSync(data) ? "" : ` (skipped: no folder ${data}; set ONESTAGE_DATA)`;

describe.skipIf(absent)(`the real datasets${absent}`, () => {
  it("nyuv2-objects10", async () => {
    const dataset = await openFolder(path.join(data, "nyuv2-objects10"));
    expect(dataset).toMatchObject({ width: 64, height: 64, splits: ["train", "val"], labels: [] });
    expect(dataset.classes).toHaveLength(10);
    // Class counts as the dataset's own description states them.
    expect(statistics(dataset, "train").classCounts).toEqual([145, 320, 162, 138, 320, 91, 215, 86, 320, 181]);
    expect(statistics(dataset, "val").classCounts).toEqual([77, 124, 89, 61, 110, 46, 109, 38, 111, 103]);
  });

  it("nyuv2-seg13", async () => {
    const dataset = await openFolder(path.join(data, "nyuv2-seg13"));
    expect(dataset).toMatchObject({ width: 160, height: 120 });
    expect([dataset.size("train"), dataset.size("val"), dataset.labels.length, dataset.classes.length]).toEqual([
      795, 336, 13, 10,
    ]);
    const { depthMean, depthStd, depthMissing, labelCounts } = statistics(dataset, "train");
    // 17.9 % of the training pixels are ignored, and depth lies from 0.7 to 10 m: the dataset's description.
    const labelled = labelCounts.reduce((sum, n) => sum + n, 0) / (795 * 160 * 120);
    expect(labelled).toBeCloseTo(1 - 0.179, 3);
    expect(depthMissing).toBe(0);
    expect(depthMean - depthStd).toBeGreaterThan(0.7);
    expect(depthMean + depthStd).toBeLessThan(10);
  });

  it("potholes-mit, whose depth is not millimetres", async () => {
    const dataset = await openFolder(path.join(data, "potholes-mit"));
    expect(dataset).toMatchObject({ width: 160, height: 96, classes: [], labels: ["road", "pothole"] });
    const share = ([road, pothole]: readonly number[]) => pothole / (road + pothole);
    expect(share(statistics(dataset, "train").labelCounts)).toBeCloseTo(0.05, 3);
    expect(share(statistics(dataset, "val").labelCounts)).toBeCloseTo(0.016, 3);
  });
});
