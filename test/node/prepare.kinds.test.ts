import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { File, ready } from "h5wasm/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSource } from "../../src/data/node/prepare/kinds.ts";
import { planPack, sourceSize } from "../../src/data/node/prepare/pack.ts";
import type { RawSample, Source, SourceOptions } from "../../src/data/node/prepare/source.ts";
import { encodePng } from "../../src/data/png.ts";
import { OnestageError } from "../../src/tensor/errors.ts";
import { jpegFile, mat5File, npyFile, put, writeHdf5 } from "./prepare.fixtures.ts";

let root: string;
let sources: Source[] = [];
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "onestage-kinds-"));
});
afterEach(() => {
  for (const source of sources) source.close();
  sources = [];
  rmSync(root, { recursive: true });
});

const size = { width: 4, height: 3 };
const pixels = 12;
const fill = (...values: number[]) => Array.from({ length: pixels }, (_, i) => values[i % values.length]);
const rgbPng = (value: number) => encodePng({ ...size, data: new Uint8Array(3 * pixels).fill(value) });
const depthPng = (...values: number[]) => encodePng({ ...size, data: Uint16Array.from(fill(...values)) });
const labelPng = (...values: number[]) => encodePng({ ...size, data: Uint8Array.from(fill(...values)) });
const greyJpeg = (value: number) => jpegFile(4, 3, new Uint8Array(3 * pixels).fill(value));

async function open(kind: string, options: SourceOptions = {}, file = ""): Promise<Source> {
  const source = await openSource(kind, path.join(root, file), options);
  sources.push(source);
  return source;
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OnestageError);
  return (error as Error).message.replaceAll(root, "DATA");
}

const names = (source: Source, split: string) => source.splits.get(split)?.map(({ name }) => name);

describe("nyuv2", () => {
  const [count, width, height] = [5, 4, 3];
  // Values that say where they belong: image n, column x, row y.
  const each = (value: (n: number, x: number, y: number) => number) =>
    Array.from({ length: count * width * height }, (_, i) => {
      return value(Math.floor(i / (width * height)), Math.floor(i / height) % width, i % height);
    });
  const colour = (n: number, c: number, x: number, y: number) => 40 * n + 60 * (c === n % 3 ? 1 : 0) + 10 * x + y;
  const images = Uint8Array.from({ length: count * 3 * width * height }, (_, i) => {
    const [n, c] = [Math.floor(i / (3 * width * height)), Math.floor(i / (width * height)) % 3];
    return colour(n, c, Math.floor(i / height) % width, i % height);
  });
  const to40 = Array.from({ length: 894 }, (_, i) => i % 41);
  const to13 = Array.from({ length: 40 }, (_, i) => i % 14);

  async function write(parts: { chunks?: boolean; split?: number[]; labels?: number[] } = {}): Promise<void> {
    const {
      chunks = true,
      split = [2, 5],
      labels = each((n, x, y) => (n === 4 && x === 3 ? 894 : 100 * n + 10 * x + y)),
    } = parts;
    const map = { shape: [count, width, height], ...(chunks && { chunks: [1, width, height] }) };
    const metres = each((n, x, y) =>
      n === 0 && x === 0 ? Number.NaN : n === 0 && x === 1 ? 70 : 1 + n + x / 10 + y / 1000,
    );
    await writeHdf5(path.join(root, "labeled.mat"), {
      images: { data: images, shape: [count, 3, width, height], ...(chunks && { chunks: [2, 1, width, height] }) },
      depths: { data: Float32Array.from(metres), ...map },
      rawDepths: { data: Float32Array.from(metres, (value, i) => (i % 2 ? 0 : value)), ...map },
      labels: { data: Uint16Array.from(labels), ...map },
    });
    put(root, "splits.mat", mat5File({ trainNdxs: split, testNdxs: [1, 3] }, true));
    put(root, "classMapping40.mat", mat5File({ mapClass: Uint16Array.from(to40), className: { cells: ["x"] } }, true));
    put(
      root,
      "class13Mapping.mat",
      mat5File({ classMapping13: { fields: { labels: to13, names: { cells: [] } } } }, true),
    );
  }

  it.each([true, false])("reads known pixels of the official split (chunked and compressed: %s)", async (chunks) => {
    await write({ chunks });
    const source = await open("nyuv2", {}, "labeled.mat");
    expect(source).toMatchObject({ name: "labeled", depthUnit: "mm", classes: [], ir: null });
    expect([source.labels.length, source.labels[0], source.labels[39]]).toEqual([40, "wall", "otherprop"]);
    expect([names(source, "train"), names(source, "test")]).toEqual([
      ["0002", "0005"],
      ["0001", "0003"],
    ]);
    const { rgb, depth, label } = await source.read("train", 1);
    expect(rgb).toMatchObject({ width, height });
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = y * width + x;
        expect([...rgb.data.subarray(3 * at, 3 * at + 3)]).toEqual([0, 1, 2].map((c) => colour(4, c, x, y)));
        expect(depth.data[at]).toBe(5000 + 100 * x + y);
        const raw = x === 3 ? 894 : 400 + 10 * x + y;
        const mapped = to40[raw - 1];
        expect(label!.data[at]).toBe(mapped === 0 ? 255 : mapped - 1);
      }
    }
    // Image 1: class 0 is void, NaN and what 16 bits cannot hold are missing.
    const first = await source.read("test", 0);
    expect(first.label!.data[0]).toBe(255);
    expect([...first.depth.data.subarray(0, 4)]).toEqual([0, 0, 1200, 1300]);
  });

  it("maps to 13 classes by way of the 40", async () => {
    await write();
    const source = await open("nyuv2", { classes: 13, depth: "raw" }, "labeled.mat");
    expect(source.labels).toHaveLength(13);
    const { label, depth } = await source.read("train", 0);
    for (const [at, x, y] of [
      [0, 0, 0],
      [7, 3, 1],
    ] as const) {
      const to = to40[100 + 10 * x + y - 1];
      const mapped = to === 0 ? 0 : to13[to - 1];
      expect(label!.data[at]).toBe(mapped === 0 ? 255 : mapped - 1);
    }
    expect([...depth.data.subarray(0, 4)]).toEqual([2000, 0, 2200, 0]);
  });

  it("takes metadata that are HDF5 too", async () => {
    await write();
    await writeHdf5(path.join(root, "splits.mat"), {
      trainNdxs: { data: Float64Array.of(4), shape: [1, 1] },
      testNdxs: { data: Float64Array.of(1, 2), shape: [1, 2] },
    });
    expect(names(await open("nyuv2", {}, "labeled.mat"), "train")).toEqual(["0004"]);
  });

  it("says what is missing or wrong", async () => {
    await write();
    const fails = (options: SourceOptions = {}) => failure(open("nyuv2", options, "labeled.mat"));
    expect(await fails({ classes: 19 })).toBe("--classes: expected 13 or 40, got 19");
    expect(await fails({ depth: "disparity" })).toBe("--depth: expected filled or raw, got disparity");
    expect(await fails({ depthUnit: "cm" })).toBe("--depth-unit: expected nothing of the kind with nyuv2, got cm");
    rmSync(path.join(root, "class13Mapping.mat"));
    expect(await fails({ classes: 13 })).toBe(
      "DATA: expected class13Mapping.mat or classMapping13.mat, for the 13 classes, got no such file beside the dataset",
    );
    put(root, "classMapping13.mat", mat5File({ mapClass: to40.map((k) => Math.min(k, 13)) }, false));
    expect((await open("nyuv2", { classes: 13 }, "labeled.mat")).labels).toHaveLength(13);
    sources.pop()!.close();
    put(root, "classMapping40.mat", mat5File({ mapClass: [1, 2, 3] }, false));
    expect(await fails()).toBe("classMapping40.mat: expected 894 numbers 0..40, got 3 numbers, all in range");
    put(root, "classMapping40.mat", mat5File({ other: [1, 2, 3] }, false));
    expect(await fails()).toMatch(/classMapping40\.mat: expected numbers named mapClass, got none$/);
    rmSync(path.join(root, "classMapping40.mat"));
    expect(await fails()).toMatch(/^DATA: expected classMapping40\.mat, for the 40 classes, got no such file/);
    await write({ split: [2, 6] });
    expect(await fails()).toBe("splits.mat: train: expected image numbers 1..5, got 6");
    rmSync(path.join(root, "splits.mat"));
    expect(await fails()).toMatch(/^DATA: expected splits\.mat, for the official split, got no such file/);
  });

  it("refuses a file that is no HDF5, is cut short, or has other arrays", async () => {
    await write();
    const file = path.join(root, "labeled.mat");
    const fails = () => failure(open("nyuv2", {}, "labeled.mat"));
    await writeHdf5(file, { images: { data: images, shape: [count, 3, width, height] } });
    expect(await fails()).toBe("DATA/labeled.mat: expected an array depths, got none");
    await writeHdf5(file, { images: { data: images, shape: [3, count, width, height] } });
    expect(await fails()).toBe("DATA/labeled.mat: images: expected <B [n,3,n,n], got <B [3,5,4,3]");
    await writeHdf5(file, { images: { data: new Uint16Array(images), shape: [count, 3, width, height] } });
    expect(await fails()).toBe("DATA/labeled.mat: images: expected <B [n,3,n,n], got <H [5,3,4,3]");
    writeFileSync(
      file,
      Buffer.concat([Buffer.alloc(512), Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), Buffer.alloc(300)]),
    );
    expect(await fails()).toMatch(/^DATA\/labeled\.mat: expected an intact HDF5 file, got /);
    writeFileSync(file, "no data");
    expect(await fails()).toBe("DATA/labeled.mat: expected an HDF5 file (MATLAB 7.3), got something else");
  });

  it("refuses labels beyond the mapping, chunks too large to inflate, and links", async () => {
    await write({ labels: each(() => 895) });
    const source = await open("nyuv2", {}, "labeled.mat");
    expect(await failure(source.read("train", 0))).toBe(
      "DATA/labeled.mat: labels of 2 at x 0, y 0: expected 0..894, got 895",
    );
    sources.pop()!.close();
    await ready;
    const file = path.join(root, "labeled.mat");
    const large = new File(file, "w");
    const shape = [1, 3, 4800, 4800];
    const data = new Uint8Array(3 * 4800 * 4800);
    large.create_dataset({
      name: "images",
      data,
      shape,
      dtype: "<B",
      chunks: shape,
      compression: "gzip",
      compression_opts: 1,
    });
    large.close();
    expect(await failure(open("nyuv2", {}, "labeled.mat"))).toMatch(
      /images: expected chunks of at most 67108864 bytes, got 69120000$/,
    );
    await writeHdf5(path.join(root, "other.h5"), { images: { data: images, shape: [count, 3, width, height] } });
    const linked = new File(file, "w");
    linked.create_external_link(path.join(root, "other.h5"), "images", "images");
    linked.close();
    expect(await failure(open("nyuv2", {}, "labeled.mat"))).toBe(
      "DATA/labeled.mat: expected an array images, got a link",
    );
  });
});

describe("esanet", () => {
  function write(label = "labels_40", rgb = "png"): void {
    for (const [split, name] of [
      ["train", "0001"],
      ["train", "0003"],
      ["test", "0002"],
    ]) {
      put(root, `${split}/rgb/${name}.${rgb}`, rgb === "png" ? rgbPng(Number(name)) : greyJpeg(50));
      put(root, `${split}/depth/${name}.png`, depthPng(0, 1000, 65535));
      put(root, `${split}/depth_raw/${name}.png`, depthPng(7));
      put(root, `${split}/${label}/${name}.png`, labelPng(0, 1, 2));
    }
    put(root, "train.txt", "0001\n0003\n");
    put(root, "test.txt", "0002\n");
  }

  it("reads lists, shifts labels and makes void ignored", async () => {
    write();
    const source = await open("esanet");
    expect([names(source, "train"), names(source, "test")]).toEqual([["0001", "0003"], ["0002"]]);
    expect(source).toMatchObject({ depthUnit: "mm", classes: [] });
    expect([source.labels.length, source.labels[1]]).toEqual([40, "floor"]);
    const { rgb, depth, label } = await source.read("train", 1);
    expect(rgb.data[0]).toBe(3);
    expect([...depth.data.subarray(0, 3)]).toEqual([0, 1000, 65535]);
    expect([...label!.data.subarray(0, 3)]).toEqual([255, 0, 1]);
    expect((await (await open("esanet", { depth: "raw" })).read("test", 0)).depth.data[0]).toBe(7);
  });

  it("is another dataset with another depth", async () => {
    write();
    const source = await open("esanet", { depth: "raw" });
    const choice = { size, resize: false, shardBytes: 2 ** 20, fingerprint: await source.fingerprint() };
    const recipe = (depth?: string) => planPack(source, { ...choice, depth }).kind.recipe;
    expect(new Set([recipe(), recipe("filled"), recipe("raw")]).size).toBe(3);
    expect(recipe("raw")).toBe(recipe("raw"));
  });

  it("reads SUN RGB-D's JPEG and its folder semantic", async () => {
    write("semantic", "jpg");
    const source = await open("esanet", { depthUnit: "0.1 mm" });
    expect([source.labels.length, source.labels[36], source.depthUnit]).toEqual([37, "bag", "0.1 mm"]);
    expect((await open("esanet")).depthUnit).toBe("0.125 mm");
    expect(Math.abs((await source.read("test", 0)).rgb.data[5] - 50)).toBeLessThanOrEqual(1);
  });

  it("reads Cityscapes: a list for each folder, disparity or metres in NumPy files", async () => {
    const half = (...bits: number[]) => new Uint8Array(Uint16Array.from(fill(...bits)).buffer);
    for (const split of ["train", "valid"]) {
      put(root, `${split}/rgb/bonn/a_left.png`, rgbPng(9));
      put(root, `${split}/disparity_raw/bonn/a_disparity.png`, depthPng(0, 9000));
      // 1.5 m, 0, infinity and 400 m as half floats.
      put(root, `${split}/depth_raw/bonn/a_depth.npy`, npyFile("<f2", "(3, 4)", half(0x3e00, 0, 0x7c00, 0x5e40)));
      put(root, `${split}/labels_19/bonn/a_label.png`, labelPng(19, 0));
      put(root, `${split}_rgb.txt`, "bonn/a_left.png\n");
      put(root, `${split}_disparity_raw.txt`, "bonn/a_disparity.png\n");
      put(root, `${split}_depth_raw.txt`, "bonn/a_depth.npy\n");
      put(root, `${split}_labels_19.txt`, "bonn/a_label.png\n");
    }
    const source = await open("esanet");
    expect([...source.splits.keys()]).toEqual(["train", "val"]);
    expect([names(source, "val"), source.depthUnit, source.labels[18]]).toEqual([
      ["bonn/a_left"],
      "disparity",
      "bicycle",
    ]);
    const sample = await source.read("val", 0);
    expect([sample.depth.data[1], sample.label!.data[0], sample.label!.data[1]]).toEqual([9000, 18, 255]);
    const metric = await open("esanet", { depth: "raw" });
    expect(metric.depthUnit).toBe("cm");
    expect([...(await metric.read("train", 0)).depth.data.subarray(0, 4)]).toEqual([150, 0, 0, 0]);
    expect(await failure(open("esanet", { depth: "raw", depthUnit: "furlong" }))).toBe(
      "--depth-unit: expected none for depth in NumPy files, which hold metres, got furlong",
    );
    const fingerprint = await metric.fingerprint();
    put(root, "train/depth_raw/bonn/a_depth.npy", npyFile("<f2", "(3, 4)", half(0x3e00, 0, 0x7c00, 0x5e41)));
    expect(await metric.fingerprint()).not.toBe(fingerprint);
  });

  it("reads Cityscapes' 33 classes by their labels, and lists that are called otherwise than their folders", async () => {
    for (const split of ["train", "valid"]) {
      put(root, `${split}/rgb/bonn/a.png`, rgbPng(9));
      put(root, `${split}/disparity_raw/bonn/a.png`, depthPng(0, 9000));
      put(root, `${split}/semantic_33/bonn/a.png`, labelPng(0, 1, 33));
      put(root, `${split}/semantic_19/bonn/a.png`, labelPng(0, 1, 19));
      for (const list of ["rgb", "disparity_raw", "labels_33", "labels_19"]) {
        put(root, `${split}_${list}.txt`, "bonn/a.png\n");
      }
    }
    const table = (await open("esanet", { classes: 33 })).labels;
    expect([table.length, table[0], table[6], table[32]]).toEqual([33, "ego vehicle", "road", "bicycle"]);
    // What ESANet writes beside them, and what nicr-scene-analysis-datasets does.
    for (const lines of [
      ["unlabeled", ...table, "license plate"],
      ["void", "unlabeled", ...table.slice(0, 32)],
    ]) {
      put(root, "class_names_1+33.txt", `${lines.join("\n")}\n`);
      const source = await open("esanet", { classes: 33 });
      expect(source.labels).toEqual(table);
      expect([...(await source.read("val", 0)).label!.data.subarray(0, 3)]).toEqual([255, 0, 32]);
    }
    expect((await open("esanet")).labels).toHaveLength(19);
    put(root, "class_names_1+33.txt", "void\nsky\n");
    expect(await failure(open("esanet", { classes: 33 }))).toBe(
      "DATA/class_names_1+33.txt: expected void and 33 names, got 2",
    );
    rmSync(path.join(root, "valid_labels_19.txt"));
    expect(await failure(open("esanet"))).toBe("DATA: expected a list valid_semantic_19.txt, got none");
  });

  it("takes names from class_names_1+N.txt, and says what is missing or wrong", async () => {
    const fails = (options: SourceOptions = {}) => failure(open("esanet", options));
    expect(await fails()).toBe("DATA: expected lists train.txt, test.txt or train_rgb.txt, test_rgb.txt, got ");
    write("labels_3");
    put(root, "class_names_1+3.txt", "void\nsky\nsea\nland\n");
    expect((await open("esanet")).labels).toEqual(["sky", "sea", "land"]);
    put(root, "class_names_1+3.txt", "void\nsky\n");
    expect(await fails()).toBe("DATA/class_names_1+3.txt: expected void and 3 names, got 2");
    rmSync(path.join(root, "class_names_1+3.txt"));
    expect((await open("esanet")).labels).toEqual(["class 1", "class 2", "class 3"]);
    expect(await fails({ classes: 40 })).toBe("--classes: expected one of 3, got 40");
    expect(await fails({ depth: "disparity" })).toMatch(
      /^DATA: expected a folder disparity_raw in each split, got depth/,
    );
    put(root, "test/labels_3/0002.png", labelPng(4));
    const source = await open("esanet");
    expect(await failure(source.read("test", 0))).toBe(
      "DATA/test/labels_3/0002.png: expected labels 0 (void) to 3, got 4",
    );
    put(root, "train.txt", "");
    const empty = await open("esanet");
    expect(await failure(sourceSize(empty))).toMatch(/expected samples in train, got none$/);
    put(root, "train.txt", "../0001\n");
    expect(await fails()).toBe('DATA/train.txt:1: expected a path inside the dataset folder, got "../0001"');
  });
});

describe("esanet: SUN RGB-D as ESANet's own script leaves it", () => {
  const labels = Uint8Array.from(fill(0, 1, 37));
  /** The map as NumPy keeps what was transposed: columns one after another. */
  const columns = Uint8Array.from(
    fill(0),
    (_, i) => labels[size.width * (i % size.height) + Math.floor(i / size.height)],
  );

  function write(): void {
    const lists: Record<string, string[]> = {};
    for (const [split, folder] of [
      ["train", "kv2/kinect2data/000002_a"],
      ["train", "kv1/NYUdata/NYU0003"],
      ["test", "xtion/sun3ddata/b"],
    ] as const) {
      const place = `SUNRGBD/${folder}`;
      put(root, `${place}/image/1.jpg`, greyJpeg(60));
      put(root, `${place}/depth_bfx/1.png`, depthPng(0, 16000));
      put(root, `${place}/depth/1.png`, depthPng(8));
      put(root, `${place}/label/label.npy`, npyFile("|u1", "(3, 4)", columns, "True"));
      for (const [part, file] of [
        ["rgb", "image/1.jpg"],
        ["depth", "depth_bfx/1.png"],
        ["label", "label/label.npy"],
      ]) {
        lists[`${split}_${part}.txt`] ??= [];
        lists[`${split}_${part}.txt`].push(`${place}/${file}`);
      }
    }
    for (const [file, lines] of Object.entries(lists)) put(root, file, lines.join("\n"));
  }

  it("reads the lists of paths, and the labels in whichever order NumPy has them", async () => {
    write();
    const source = await open("esanet");
    expect([names(source, "train"), names(source, "test")]).toEqual([
      ["SUNRGBD/kv2/kinect2data/000002_a/image/1", "SUNRGBD/kv1/NYUdata/NYU0003/image/1"],
      ["SUNRGBD/xtion/sun3ddata/b/image/1"],
    ]);
    expect([source.labels.length, source.labels[36], source.depthUnit]).toEqual([37, "bag", "0.125 mm"]);
    const sample = await source.read("train", 1);
    expect(Math.abs(sample.rgb.data[0] - 60)).toBeLessThanOrEqual(1);
    expect([...sample.depth.data.subarray(0, 2)]).toEqual([0, 16000]);
    expect([...sample.label!.data]).toEqual(fill(255, 0, 36));
    const floats = new Uint8Array(Float32Array.from(labels).buffer);
    put(root, "SUNRGBD/kv1/NYUdata/NYU0003/label/label.npy", npyFile("<f4", "(3, 4)", floats));
    expect((await source.read("train", 1)).label).toEqual(sample.label);
    const raw = await open("esanet", { depth: "raw", classes: 37, depthUnit: "steps" });
    expect([(await raw.read("test", 0)).depth.data[0], raw.depthUnit]).toEqual([8, "steps"]);
  });

  it("says what is missing or wrong", async () => {
    write();
    const fails = (options: SourceOptions = {}) => failure(open("esanet", options));
    expect(await fails({ classes: 40 })).toBe("--classes: expected 37, got 40");
    expect(await fails({ depth: "disparity" })).toBe("--depth: expected filled or raw, got disparity");
    const label = "SUNRGBD/xtion/sun3ddata/b/label/label.npy";
    for (const [bytes, says] of [
      [npyFile("|u1", "(3, 4)", new Uint8Array(12).fill(38)), "labels 0 (void) to 37, got 38"],
      [npyFile("<f4", "(3, 1)", new Uint8Array(Float32Array.of(1, 1.5, 2).buffer)), "labels 0 (void) to 37, got 1.5"],
      [npyFile("|u1", "(9999, 9999)", columns), "1 to 16777216 pixels, got 9999x9999"],
    ] as const) {
      put(root, label, bytes);
      expect(await failure((await open("esanet")).read("test", 0))).toBe(`DATA/${label}: expected ${says}`);
    }
    put(root, "test_depth.txt", "SUNRGBD/xtion/sun3ddata/b/depth/1.png");
    expect(await fails({ depth: "raw" })).toBe(
      "DATA/test_rgb.txt:1: expected depth in a folder depth_bfx, beside which the raw one lies, got SUNRGBD/xtion/sun3ddata/b/depth/1.png",
    );
    put(root, "test_depth.txt", "a/depth_bfx/1.png\nb/depth_bfx/1.png");
    expect(await fails()).toBe("DATA/test: expected as many lines in each list, got 1 of rgb, 2 of depth, 1 of label");
    rmSync(path.join(root, "test_depth.txt"));
    expect(await fails()).toBe("DATA: expected a list test_depth.txt, got none");
    put(root, "train_label.txt", "../label.npy");
    expect(await fails()).toMatch(
      /train_label\.txt:1: expected a path inside the dataset folder, got "\.\.\/label\.npy"$/,
    );
  });
});

describe("casia-surf", () => {
  function write(): void {
    for (const [name, value] of [
      ["a", 20],
      ["b", 200],
    ] as const) {
      put(
        root,
        `Training/color/${name}.jpg`,
        jpegFile(
          4,
          3,
          Uint8Array.from({ length: 36 }, (_, i) => (i % 3 === 0 ? value : 100)),
        ),
      );
      put(root, `Training/depth/${name}.jpg`, greyJpeg(value + 1));
      put(root, `Training/ir/${name}.jpg`, greyJpeg(value + 2));
    }
    const line = (name: string, label: number) =>
      `Training/color/${name}.jpg Training/depth/${name}.jpg Training/ir/${name}.jpg ${label}\n`;
    put(root, "train_list.txt", line("a", 1) + line("b", 0));
    put(root, "val_private_list.txt", line("b", 0));
  }
  const near = (found: number, expected: number) => expect(Math.abs(found - expected)).toBeLessThanOrEqual(2);

  it("reads colour, depth and infrared, and says that depth has 8 bits", async () => {
    write();
    const source = await open("casia-surf");
    expect(source).toMatchObject({ classes: ["spoof", "live"], labels: [], depthUnit: "8-bit", ir: "U8" });
    expect([...source.splits.keys()]).toEqual(["train", "val"]);
    expect(source.splits.get("train")).toMatchObject([
      { name: "Training/color/a", target: 1 },
      { name: "Training/color/b", target: 0 },
    ]);
    const { rgb, depth, ir } = (await source.read("train", 1)) as Required<RawSample>;
    near(rgb.data[0], 200);
    near(rgb.data[1], 100);
    expect(depth.data).toBeInstanceOf(Uint16Array);
    expect(ir.data).toBeInstanceOf(Uint8Array);
    near(depth.data[7], 201);
    near(ir.data[7], 202);
  });

  it("says what is missing or wrong", async () => {
    expect(await failure(open("casia-surf"))).toMatch(
      /train_list\.txt: expected a file \(named by DATA\), got nothing there$/,
    );
    write();
    put(root, "train_list.txt", "a.jpg b.jpg c.jpg 2\n");
    expect(await failure(open("casia-surf"))).toMatch(
      /^DATA\/train_list\.txt:1: expected "COLOUR DEPTH INFRARED LABEL" with label 0 or 1/,
    );
    put(root, "train_list.txt", "a.jpg b.jpg 1\n");
    expect(await failure(open("casia-surf"))).toMatch(/^DATA\/train_list\.txt:1/);
    put(root, "train_list.txt", "a.jpg b.jpg /etc/passwd 1\n");
    expect(await failure(open("casia-surf"))).toMatch(
      /:1: expected a path inside the dataset folder, got "\/etc\/passwd"$/,
    );
    put(root, "train_list.txt", "a.jpg b.jpg c.jpg 1\n");
    const source = await open("casia-surf");
    expect(await failure(source.read("train", 0))).toMatch(
      /b\.jpg: expected a file \(named by DATA\/train_list\.txt:1\)/,
    );
  });
});

describe("folders", () => {
  function write(ir?: Uint8Array): void {
    for (const [split, name] of [
      ["train", "cat/1"],
      ["train", "dog/7"],
      ["val", "dog/1"],
    ]) {
      put(
        root,
        `${split}/${name}_rgb.${name === "dog/7" ? "jpg" : "png"}`,
        name === "dog/7" ? greyJpeg(80) : rgbPng(5),
      );
      put(root, `${split}/${name}_depth.png`, depthPng(0, 4000));
      if (ir) put(root, `${split}/${name}_ir.png`, ir);
    }
    put(root, "train/cat/notes.txt", "no image");
  }

  it("reads PNG and JPEG, and infrared where there is some", async () => {
    write();
    const source = await open("folders");
    expect(source).toMatchObject({ classes: ["cat", "dog"], ir: null, depthUnit: "mm" });
    expect(source.splits.get("train")).toMatchObject([
      { name: "cat/1", target: 0 },
      { name: "dog/7", target: 1 },
    ]);
    const sample = await source.read("train", 1);
    expect(Math.abs(sample.rgb.data[0] - 80)).toBeLessThanOrEqual(1);
    expect([...sample.depth.data.subarray(0, 2), sample.ir]).toEqual([0, 4000, undefined]);
    write(depthPng(1234));
    expect((await open("folders")).ir).toBe("U16");
    write(labelPng(12));
    const eight = await open("folders");
    expect([eight.ir, (await eight.read("val", 0)).ir!.data[3]]).toEqual(["U8", 12]);
  });

  it("takes infrared for granted where any sample has it, and endings in capitals", async () => {
    write(labelPng(12));
    rmSync(path.join(root, "train/cat/1_ir.png"));
    const source = await open("folders");
    expect(source.ir).toBe("U8");
    expect(await failure(source.read("train", 0))).toBe(
      "DATA/train/cat/1: expected an image _ir (png or jpg), got none",
    );
    put(root, "val/cat/2_RGB.PNG", rgbPng(6));
    put(root, "val/cat/2_depth.PNG", depthPng(9));
    put(root, "val/cat/2_ir.Png", labelPng(3));
    const capital = await open("folders");
    expect(capital.splits.get("val")).toMatchObject([{ name: "cat/2" }, { name: "dog/1" }]);
    expect((await capital.read("val", 0)).rgb.data[0]).toBe(6);
  });

  it("takes depth of 8 bits only where its unit is told", async () => {
    write();
    put(root, "train/cat/1_depth.png", labelPng(9));
    expect(await failure((await open("folders")).read("train", 0))).toMatch(
      /1_depth\.png: expected a 16-bit grey PNG \(millimetres\), got 8-bit grey$/,
    );
    const source = await open("folders", { depthUnit: "steps" });
    expect([source.depthUnit, (await source.read("train", 0)).depth.data[0]]).toEqual(["steps", 9]);
  });

  it("says what is missing or twice there", async () => {
    expect(await failure(open("folders"))).toBe("DATA: expected a folder train, val or test, got ");
    write();
    rmSync(path.join(root, "val/dog/1_depth.png"));
    expect(await failure((await open("folders")).read("val", 0))).toBe(
      "DATA/val/dog/1: expected an image _depth (png or jpg), got none",
    );
    put(root, "val/dog/1_rgb.jpg", greyJpeg(1));
    expect(await failure(open("folders"))).toBe("DATA/val/dog/1: expected one image _rgb, got a PNG and a JPEG");
  });
});

describe("lists", () => {
  it("reads what --data reads, with scenes as classes", async () => {
    put(root, "classes.txt", "floor\nwall\n");
    put(root, "scene_classes.txt", "kitchen\noffice\n");
    put(root, "scenes.txt", "a office 1\n");
    put(root, "train.txt", "a\n");
    put(root, "rgb/a.png", rgbPng(5));
    put(root, "depth/a.png", depthPng(7));
    put(root, "label/a.png", labelPng(1, 255));
    const source = await open("lists", { depthUnit: "disparity" });
    expect(source).toMatchObject({ classes: ["kitchen", "office"], labels: ["floor", "wall"], depthUnit: "disparity" });
    expect(source.splits.get("train")).toMatchObject([{ name: "a", target: 1 }]);
    expect([...(await source.read("train", 0)).label!.data.subarray(0, 2)]).toEqual([1, 255]);
  });

  it("refuses another layout", async () => {
    put(root, "train/cat/1_rgb.png", rgbPng(1));
    expect(await failure(open("lists"))).toMatch(/^DATA: expected a folder of lists \(rgb\/, depth\/, classes\.txt/);
  });
});

describe("a source's fingerprint", () => {
  it("tells its files from others of the same names", async () => {
    put(root, "classes.txt", "floor\nwall\n");
    put(root, "train.txt", "a\n");
    put(root, "rgb/a.png", rgbPng(5));
    put(root, "depth/a.png", depthPng(7));
    put(root, "label/a.png", labelPng(1, 255));
    const fingerprint = async () => (await open("lists")).fingerprint();
    const first = await fingerprint();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint()).toBe(first);
    put(root, "notes.txt", "not of the dataset");
    expect(await fingerprint()).toBe(first);
    const seen = new Set([first]);
    for (const file of ["rgb/a.png", "depth/a.png", "label/a.png"]) {
      const bytes = readFileSync(path.join(root, file));
      put(root, file, Buffer.concat([bytes, Buffer.from("x")]));
      seen.add(await fingerprint());
      rmSync(path.join(root, file));
      seen.add(await fingerprint());
      put(root, file, bytes);
      expect(await fingerprint()).toBe(first);
    }
    expect(seen.size).toBe(7);
    const choice = { size, resize: false, shardBytes: 2 ** 20 };
    const source = await open("lists");
    const recipes = [first, "other"].map((own) => planPack(source, { ...choice, fingerprint: own }).kind.recipe);
    expect(new Set(recipes).size).toBe(2);
  });
});

it("an unknown kind and an absent source are named", async () => {
  expect(await failure(open("imagenet"))).toBe(
    "<kind>: expected one of nyuv2, esanet, casia-surf, folders, lists, got imagenet",
  );
  expect(await failure(open("lists", {}, "nowhere"))).toBe(
    "DATA/nowhere: expected a dataset to prepare, got nothing there",
  );
  expect(await failure(open("casia-surf", { classes: 13 }))).toBe(
    "--classes: expected nothing of the kind with casia-surf, got 13",
  );
});
