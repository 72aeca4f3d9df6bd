import { afterEach, describe, expect, it, vi } from "vitest";
import { fetchPacked, openPacked, type PackedReader } from "../../src/data/packed.ts";
import { parsePackedIndex } from "../../src/data/packedIndex.ts";
import { serializeShard } from "../../src/data/packedShard.ts";
import { parseSafetensors, type SafeTensor, serializeSafetensors } from "../../src/data/safetensors.ts";
import { fromTypedArray } from "../../src/data/typedArrays.ts";
import { FormatError, OnestageError, UsageError } from "../../src/tensor/errors.ts";
import { kind, packedFiles, samplesOf, sha256 } from "./packedFixture.ts";

const reader =
  (files: ReadonlyMap<string, Uint8Array>): PackedReader =>
  async (name) =>
    files.get(name) ?? Promise.reject(new OnestageError(`${name}: none`));

const statistics = {
  ...{ samples: 3, depthMean: 1, depthStd: 1, depthMissing: 0 },
  ...{ classCounts: [1, 2], labelCounts: [9, 4, 0] },
};

describe("a packed dataset", () => {
  it("has the recorded bytes, in Node as in a browser, written and read", async () => {
    const files = await packedFiles();
    const written = await sha256(...[...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, bytes]) => bytes));
    expect(written).toBe("cc41dee7420c5cba538e031efc3a460f6ca0da69f18730e9945d5b4295f4202b");
    const dataset = await openPacked(reader(files));
    const all = ["train", "val"].flatMap((split) =>
      Array.from({ length: dataset.size(split) }, (_, i) => dataset.sample(split, i)),
    );
    expect(await sha256(...all.flatMap(({ rgb, depth, ir, label }) => [rgb, depth, ir!, label!]))).toBe(
      "2572012b0ebbde74ba04a47df3a9e2ffdc4e1f396536d9ad125dacb216362c71",
    );
  });

  it("gives back what was put in, in its order", async () => {
    const done: number[] = [];
    const dataset = await openPacked(reader(await packedFiles()), { onProgress: (n, total) => done.push(n / total) });
    expect(dataset).toMatchObject({ name: "pets", width: 5, height: 3, splits: ["train", "val"] });
    expect([dataset.classes, dataset.labels]).toEqual([kind.classes, kind.labels]);
    for (const [split, count] of [
      ["train", 3],
      ["val", 2],
    ] as const) {
      expect(Array.from({ length: dataset.size(split) }, (_, i) => dataset.sample(split, i))).toEqual(
        samplesOf(split, count),
      );
    }
    expect(done).toEqual([0.4, 0.6, 1]);
    expect(() => dataset.sample("train", 3)).toThrow(UsageError);
    expect(() => dataset.size("test")).toThrow(/expected one of the splits train, val, got test/);
  });

  it("does without what a kind has not", async () => {
    const bare = { ...kind, ir: null, classes: [], labels: [] };
    const sample = { ...samplesOf("train", 1)[0], ir: undefined, label: undefined, target: undefined };
    const bytes = await serializeShard(bare, [sample]);
    const shard = { file: "val-00000.safetensors", count: 1, bytes: bytes.length };
    const head = { format: "onestage-packed-1", name: "bare", kind: "x", depthUnit: "cm", statistics: null };
    const index = JSON.stringify({ ...head, ...bare, splits: { val: { count: 1, shards: [shard] } } });
    const files = new Map([
      ["index.json", new TextEncoder().encode(index)],
      [shard.file, bytes],
    ]);
    const dataset = await openPacked(reader(files));
    expect(Object.keys(dataset.sample("val", 0)).sort()).toEqual(["depth", "height", "name", "rgb", "width"]);
    expect(dataset.index.depthUnit).toBe("cm");
  });

  it("keeps infrared of 16 bits", async () => {
    const wide = { ...kind, ir: "U16" } as const;
    const sample = { ...samplesOf("train", 1)[0], ir: new Uint16Array(15).fill(40_000) };
    const { tensors } = parseSafetensors(await serializeShard(wide, [sample]), "f");
    expect(tensors.get("ir")).toMatchObject({ dtype: "U16", shape: [1, 3, 5] });
    expect(tensors.get("ir")!.data.slice(0, 2)).toEqual(Uint8Array.of(40_000 & 255, 40_000 >> 8));
  });

  it("has its statistics, also those of before the images of each label were counted", async () => {
    for (const known of [
      statistics,
      { ...statistics, labelImages: [2, 1, 0] },
      { ...statistics, irMean: 9, irStd: 2 },
    ]) {
      const files = await packedFiles();
      const index = JSON.parse(new TextDecoder().decode(files.get("index.json")));
      files.set("index.json", new TextEncoder().encode(JSON.stringify({ ...index, statistics: known })));
      expect((await openPacked(reader(files))).index.statistics).toEqual(known);
    }
  });

  it("is refused where it does not fit into memory, before a shard is read", async () => {
    const files = new Map([...(await packedFiles())].filter(([name]) => name === "index.json"));
    await expect(openPacked(reader(files), { maxBytes: 500, origin: "DATA" })).rejects.toThrow(
      "DATA: expected samples that fit into 0 MiB of memory, got 5 of 5x3 (0 MiB)",
    );
  });
});

describe("fetchPacked", () => {
  afterEach(() => vi.unstubAllGlobals());

  const serve = (answer: (name: string) => Response | Promise<Response>) => {
    vi.stubGlobal("fetch", async (url: string) => answer(url.replace("https://example.org/pets/", "")));
  };

  it("reads the same dataset over the network", async () => {
    const files = await packedFiles();
    serve((name) => new Response(files.get(name) as Uint8Array<ArrayBuffer>));
    const dataset = await openPacked(fetchPacked("https://example.org/pets/"));
    expect(dataset.sample("val", 1)).toEqual(samplesOf("val", 2)[1]);
  });

  it("says what is missing, and stops at the byte that is too much", async () => {
    serve(() => new Response("no", { status: 404 }));
    const read = fetchPacked("https://example.org/pets");
    await expect(read("index.json", 10)).rejects.toThrow(
      "https://example.org/pets/index.json: cannot fetch: status 404",
    );
    serve(() => Promise.reject(new TypeError("offline")));
    await expect(read("index.json", 10)).rejects.toThrow("cannot fetch: offline");
    let sent = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        sent += 1000;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    serve(() => new Response(endless));
    await expect(read("train-00000.safetensors", 5000)).rejects.toThrow(
      "expected a file of at most 5000 bytes, got more",
    );
    expect(sent).toBeLessThan(20_000);
  });
});

/** Changes to the parsed index, and what is said about each. */
// biome-ignore lint/suspicious/noExplicitAny: what is put into the index is wrong on purpose
const indexAttacks: Record<string, [change: (index: any) => void, says: RegExp]> = {
  "another format": [(index) => (index.format = "onestage-packed-2"), /format: expected "onestage-packed-1", got/],
  "no size": [(index) => delete index.width, /width: expected a whole number from 1 to \d+, got nothing/],
  "a fractional size": [(index) => (index.height = 2.5), /height: expected a whole number/],
  "a huge size": [(index) => (index.width = index.height = 2 ** 20), /expected at most 16777216 pixels, got 1048576x/],
  "another size than the shards'": [(index) => (index.height = 2), /rgb as U8 \[2,2,5,3\], got U8 \[2,3,5,3\]/],
  "a size that the shards cannot hold": [
    (index) => (index.width = 500),
    /train-00000.+expected at least \d+ bytes, got/,
  ],
  "more samples than the shards": [
    (index) => (index.splits.train.count = 4),
    /count: expected 3, as the shards hold, got 4/,
  ],
  "shards that hold more": [
    (index) => {
      index.splits.train.shards[1].count = 100;
      index.splits.train.count = 102;
    },
    /train-00001.+expected at least \d+ bytes, got/,
  ],
  "counts moved between shards": [
    (index) => {
      index.splits.train.shards[0].count = 1;
      index.splits.train.shards[1].count = 2;
      index.splits.train.shards[1].bytes = 5000;
    },
    /expected rgb as U8 \[1,3,5,3\], got U8 \[2,3,5,3\]/,
  ],
  "a negative count": [(index) => (index.splits.val.shards[0].count = -1), /count: expected a whole number from 1/],
  "a count beyond numbers": [(index) => (index.splits.val.shards[0].count = 1e300), /count: expected a whole number/],
  "wrong bytes": [(index) => (index.splits.val.shards[0].bytes += 1), /val-00000.safetensors: expected \d+ bytes, got/],
  "a path that climbs": [
    (index) => (index.splits.val.shards[0].file = "../val-00000.safetensors"),
    /expected a file name like/,
  ],
  "an absolute path": [
    (index) => (index.splits.val.shards[0].file = "/val-00000.safetensors"),
    /expected a file name like/,
  ],
  "a URL": [(index) => (index.splits.val.shards[0].file = "https://example.org/val-00000.safetensors"), /a file name/],
  "a shard of another split": [(index) => (index.splits.val.shards[0].file = "train-00000.safetensors"), /a file name/],
  "one shard twice": [(index) => (index.splits.train.shards[1] = index.splits.train.shards[0]), /count: expected 4/],
  "one shard twice, counted": [
    (index) => {
      index.splits.train.shards[1] = index.splits.train.shards[0];
      index.splits.train.count = 4;
    },
    /splits: expected each shard once/,
  ],
  "no splits": [(index) => (index.splits = {}), /splits: expected at least one split, got none/],
  "a list of splits": [(index) => (index.splits = []), /splits: expected an object/],
  "an empty split": [(index) => (index.splits.val = { count: 0, shards: [] }), /count: expected a whole number from 1/],
  "a split with a strange name": [
    (index) => (index.splits["../val"] = index.splits.val),
    /a split's name in small letters/,
  ],
  "fewer classes than targets": [(index) => (index.classes = ["cat"]), /class of ".+": expected 0\.\.0, got 1/],
  "no classes": [(index) => (index.classes = []), /expected the tensors rgb, depth, ir, label, got "target"/],
  "fewer labels": [(index) => (index.labels = ["floor"]), /label of ".+": expected 0\.\.0 or 255, got [12]/],
  "a class twice": [(index) => (index.classes = ["cat", "cat"]), /classes: expected each name once/],
  "256 classes": [
    (index) => (index.classes = Array.from({ length: 256 }, String)),
    /classes: expected a list of at most 255/,
  ],
  "a name with an escape": [(index) => (index.name = "a\u001b[2J"), /name: expected a text of 1 to 200 characters/],
  "infrared of another type": [(index) => (index.ir = "U16"), /expected at least|ir as U16/],
  "infrared that is not there": [
    (index) => (index.ir = null),
    /expected the tensors rgb, depth, label, target, got "ir"/,
  ],
  "another recipe": [(index) => (index.recipe = "cd".repeat(32)), /expected a shard of the same dataset as its index/],
  "no recipe": [(index) => (index.recipe = "x"), /recipe: expected a SHA-256, got "x"/],
  "statistics of too few labels": [
    (index) => {
      index.statistics = { ...statistics, labelCounts: [1] };
    },
    /labelCounts: expected 3 numbers, got 1/,
  ],
  "images of too many labels": [
    (index) => (index.statistics = { ...statistics, labelImages: [1, 1, 1, 1] }),
    /labelImages: expected a list of at most 3/,
  ],
};

/** Changes to the tensors and metadata of a shard, and what is said about each. */
const shardAttacks: Record<
  string,
  [change: (tensors: Map<string, SafeTensor>, metadata: Record<string, string>) => void, says: RegExp]
> = {
  "a missing tensor": [(tensors) => tensors.delete("depth"), /expected depth as U16 \[2,3,5\], got none/],
  "a tensor too many": [
    (tensors) => tensors.set("x", fromTypedArray(new Uint8Array(1), [1])),
    /expected the tensors .+, got "x"/,
  ],
  "depth of another type": [
    (tensors) => tensors.set("depth", fromTypedArray(new Int16Array(30), [2, 3, 5])),
    /expected depth as U16 \[2,3,5\], got I16 \[2,3,5\]/,
  ],
  "another shape": [
    (tensors) => tensors.set("label", { ...tensors.get("label")!, shape: [2, 5, 3] }),
    /expected label as U8 \[2,3,5\], got U8 \[2,5,3\]/,
  ],
  "a class out of range": [
    (tensors) => tensors.set("target", fromTypedArray(Uint32Array.of(0, 2), [2])),
    /class of "train\/1 é": expected 0\.\.1, got 2/,
  ],
  "a label out of range": [
    (tensors) => tensors.set("label", fromTypedArray(new Uint8Array(30).fill(254, 29), [2, 3, 5])),
    /label of "train\/1 é": expected 0\.\.2 or 255, got 254/,
  ],
  "one changed pixel": [(tensors) => tensors.get("rgb")!.data[3]++, /expected a shard whose content matches its hash/],
  "too few names": [(_, metadata) => (metadata.names = '["a"]'), /expected 2 names, each once, got/],
  "a name twice": [(_, metadata) => (metadata.names = '["a","a"]'), /expected 2 names, each once, got/],
  "other names": [(_, metadata) => (metadata.names = '["a","b"]'), /expected a shard whose content matches its hash/],
  "names that are no JSON": [(_, metadata) => (metadata.names = "["), /expected 2 names, each once, got "\["/],
  "no names": [(_, metadata) => delete metadata.names, /expected 2 names, each once, got ""/],
  "names that are numbers": [(_, metadata) => (metadata.names = "[1,2]"), /expected 2 names, each once/],
  "a name of another split's file": [(_, metadata) => (metadata.format = "pt"), /expected a shard of a packed dataset/],
};

describe("hostile packed datasets", () => {
  const refusal = async (files: Map<string, Uint8Array>) => {
    const error = await openPacked(reader(files), { origin: "DATA" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(/^DATA/);
    expect((error as Error).message).not.toMatch(/\p{Cc}/u);
    return (error as Error).message;
  };

  it.each(Object.entries(indexAttacks))("index: %s", async (_, [change, says]) => {
    const files = await packedFiles();
    const index = JSON.parse(new TextDecoder().decode(files.get("index.json")));
    change(index);
    files.set("index.json", new TextEncoder().encode(JSON.stringify(index)));
    expect(await refusal(files)).toMatch(says);
  });

  it.each(["", "null", "[]", '"x"', "{", '{"format":"onestage-packed-1"}', "\ufeff{}"])("index: %j", async (text) => {
    const files = await packedFiles();
    files.set("index.json", new TextEncoder().encode(text));
    expect(await refusal(files)).toMatch(/^DATA\/index\.json/);
  });

  it("index: bytes that are no text", async () => {
    expect(await refusal(new Map([["index.json", Uint8Array.of(0xff)]]))).toBe(
      "DATA/index.json: expected text in UTF-8, got other bytes",
    );
  });

  it("index: a split named __proto__ is one like any other", () => {
    expect(() =>
      parsePackedIndex('{"format":"onestage-packed-1","classes":[],"labels":[],"splits":{"__proto__":1}}', "f"),
    ).toThrow(/splits: __proto__: expected a split's name in small letters/);
  });

  it.each(Object.entries(shardAttacks))("shard: %s", async (_, [change, says]) => {
    const files = await packedFiles();
    const file = "train-00000.safetensors";
    const { tensors, metadata } = parseSafetensors(files.get(file)!, file);
    change(tensors, metadata);
    const bytes = serializeSafetensors(tensors, metadata);
    files.set(file, bytes);
    const index = JSON.parse(new TextDecoder().decode(files.get("index.json")));
    index.splits.train.shards[0].bytes = bytes.length;
    files.set("index.json", new TextEncoder().encode(JSON.stringify(index)));
    const message = await refusal(files);
    expect(message).toMatch(says);
    expect(message).toMatch(/^DATA\/train-00000\.safetensors/);
  });

  it("a name in two shards", async () => {
    const files = await packedFiles();
    files.set("train-00001.safetensors", await serializeShard(kind, samplesOf("train", 1)));
    expect(await refusal(files)).toBe("DATA: train: expected each name once, got one in two shards");
  });
});
