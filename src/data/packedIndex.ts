import { FormatError } from "../tensor/errors.ts";
import { MAX_PIXELS } from "./pngChunks.ts";
import type { SplitStatistics } from "./statistics.ts";

/** Name of the index file of a packed dataset. */
export const PACKED_INDEX = "index.json";

/** Name and version of the packed format. */
export const PACKED_FORMAT = "onestage-packed-1";

/** Longest index that is read, in bytes. */
export const MAX_INDEX_BYTES = 2 ** 24;

/** Largest shard that is written or read, in bytes. */
export const MAX_SHARD_BYTES = 2 ** 28;

/** A split's name, and the name of a shard: no path, and the same on every system. */
export const SPLIT_NAME = /^[a-z][a-z0-9_]{0,31}$/;
const SHARD_NAME = /^[a-z][a-z0-9_]{0,31}-\d{5,8}\.safetensors$/;

const MOST_SAMPLES = 1e8;
const MOST_SHARDS = 1e6;
const MOST_CLASSES = 255;
const SHA256 = /^[0-9a-f]{64}$/;

/** One file of samples. */
export interface PackedShard {
  readonly file: string;
  /** Samples in it. */
  readonly count: number;
  /** Size of the file. */
  readonly bytes: number;
}

/** What every sample of a packed dataset has, and in which form. */
export interface PackedKind {
  readonly width: number;
  readonly height: number;
  /** Type of the infrared images; null where there are none. */
  readonly ir: "U8" | "U16" | null;
  /** Names of the image classes; empty if images have none. */
  readonly classes: readonly string[];
  /** Names of the pixel classes; empty if pixels have none. */
  readonly labels: readonly string[];
  /** SHA-256 of everything that decided what the shards hold; each shard carries it too. */
  readonly recipe: string;
}

/** The index of a packed dataset: everything but the samples. */
export interface PackedIndex extends PackedKind {
  readonly format: typeof PACKED_FORMAT;
  readonly name: string;
  /** The kind of source it was made from. */
  readonly kind: string;
  /** What one step of depth is: "mm", or something else where the source has no millimetres. */
  readonly depthUnit: string;
  readonly splits: Readonly<Record<string, { readonly count: number; readonly shards: readonly PackedShard[] }>>;
  /** Of the split `train`; null where there is none. */
  readonly statistics: SplitStatistics | null;
}

/**
 * Reads and checks the text of an index; `file` names it in messages.
 * @throws FormatError naming the entry that is not as it should be.
 */
export function parsePackedIndex(text: string, file: string): PackedIndex {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new FormatError(file, "JSON", (error as Error).message.slice(0, 100));
  }
  const index = new Entry(root, file);
  index.at("format").check((value) => value === PACKED_FORMAT, `"${PACKED_FORMAT}"`);
  const [classes, labels] = ["classes", "labels"].map((key) => index.at(key).names());
  const splits = index.at("splits").record((name, split) => {
    if (!SPLIT_NAME.test(name)) split.fail("a split's name in small letters", name);
    return readSplit(name, split);
  });
  const files = Object.values(splits).flatMap(({ shards }) => shards.map((shard) => shard.file));
  if (files.length === 0) index.at("splits").fail("at least one split", "none");
  if (new Set(files).size < files.length) index.at("splits").fail("each shard once", "one again");
  const [width, height] = ["width", "height"].map((key) => index.at(key).whole(1, MAX_PIXELS));
  if (width * height > MAX_PIXELS) index.fail(`at most ${MAX_PIXELS} pixels`, `${width}x${height}`);
  const statistics = index.at("statistics");
  return {
    format: PACKED_FORMAT,
    name: index.at("name").text(200),
    kind: index.at("kind").text(40),
    recipe: index.at("recipe").check((value) => typeof value === "string" && SHA256.test(value), "a SHA-256") as string,
    width,
    height,
    depthUnit: index.at("depthUnit").text(40),
    ir: index.at("ir").check((value) => [null, "U8", "U16"].includes(value as string), 'null, "U8" or "U16"') as "U8",
    classes,
    labels,
    splits,
    statistics: statistics.value === null ? null : readStatistics(statistics, classes.length, labels.length),
  };
}

function readSplit(name: string, split: Entry): { count: number; shards: PackedShard[] } {
  const shards = split.at("shards").list(MOST_SHARDS, (shard) => ({
    file: shard
      .at("file")
      .check((file) => isShardOf(name, file), `a file name like ${name}-00000.safetensors`) as string,
    count: shard.at("count").whole(1, MOST_SAMPLES),
    bytes: shard.at("bytes").whole(8, MAX_SHARD_BYTES),
  }));
  const sum = shards.reduce((total, { count }) => total + count, 0);
  const count = split.at("count").whole(1, MOST_SAMPLES);
  if (count !== sum) split.at("count").fail(`${sum}, as the shards hold`, `${count}`);
  return { count, shards };
}

function isShardOf(split: string, file: unknown): boolean {
  return typeof file === "string" && SHARD_NAME.test(file) && file.startsWith(`${split}-`);
}

function readStatistics(entry: Entry, classes: number, labels: number): SplitStatistics {
  const counts = (key: string, length: number) => {
    const values = entry.at(key).list(length, (count) => count.whole(0, Number.MAX_SAFE_INTEGER));
    if (values.length !== length) entry.at(key).fail(`${length} numbers`, `${values.length}`);
    return values;
  };
  const has = (key: string) => entry.at(key).value !== undefined;
  return {
    samples: entry.at("samples").whole(1, MOST_SAMPLES),
    depthMean: entry.at("depthMean").number(0, 66),
    depthStd: entry.at("depthStd").number(0, 66),
    depthMissing: entry.at("depthMissing").number(0, 1),
    ...(has("irMean") && { irMean: entry.at("irMean").number(0, 65535), irStd: entry.at("irStd").number(0, 65535) }),
    classCounts: counts("classCounts", classes),
    labelCounts: counts("labelCounts", labels),
    // Absent from folders prepared before they were counted; training counts the samples themselves.
    ...(has("labelImages") && { labelImages: counts("labelImages", labels) }),
  };
}

/** One entry of the index, with its name for messages. */
class Entry {
  constructor(
    readonly value: unknown,
    private readonly origin: string,
  ) {}

  fail(expected: string, got: string): never {
    throw new FormatError(this.origin, expected, got);
  }

  check(test: (value: unknown) => boolean, expected: string): unknown {
    if (!test(this.value)) this.fail(expected, (JSON.stringify(this.value) ?? "nothing").slice(0, 60));
    return this.value;
  }

  at(key: string): Entry {
    const object = this.object();
    return new Entry(Object.hasOwn(object, key) ? object[key] : undefined, `${this.origin}: ${key}`);
  }

  /** The entries of an object, read one by one; the result has no prototype, so that no name means anything else. */
  record<T>(read: (key: string, entry: Entry) => T): Record<string, T> {
    const out: Record<string, T> = Object.create(null);
    for (const key of Object.keys(this.object())) out[key] = read(key, this.at(key));
    return out;
  }

  list<T>(most: number, read: (entry: Entry) => T): T[] {
    const fits = (value: unknown) => Array.isArray(value) && value.length <= most;
    const list = this.check(fits, `a list of at most ${most}`) as unknown[];
    return list.map((value, i) => read(new Entry(value, `${this.origin}[${i}]`)));
  }

  text(most: number): string {
    const fits = (value: unknown) =>
      typeof value === "string" && value !== "" && value.length <= most && isPlain(value);
    return this.check(fits, `a text of 1 to ${most} characters`) as string;
  }

  names(): string[] {
    const names = this.list(MOST_CLASSES, (name) => name.text(200));
    if (new Set(names).size < names.length) this.fail("each name once", "one again");
    return names;
  }

  number(low: number, high: number): number {
    const inside = (value: unknown) => typeof value === "number" && value >= low && value <= high;
    return this.check(inside, `a number from ${low} to ${high}`) as number;
  }

  whole(low: number, high: number): number {
    const inside = (value: unknown) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
    return this.check(inside, `a whole number from ${low} to ${high}`) as number;
  }

  private object(): Record<string, unknown> {
    const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
    return this.check(isObject, "an object") as Record<string, unknown>;
  }
}

/** Whether a text can be shown as it is: no control characters, no half of a surrogate pair. */
export function isPlain(text: string): boolean {
  return !/[\p{Cc}\p{Surrogate}]/u.test(text);
}
