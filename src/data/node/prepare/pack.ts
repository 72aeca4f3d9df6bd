import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../../tensor/errors.ts";
import {
  isPlain,
  MAX_SHARD_BYTES,
  PACKED_FORMAT,
  PACKED_INDEX,
  type PackedIndex,
  type PackedKind,
  type PackedShard,
  SPLIT_NAME,
} from "../../packedIndex.ts";
import { readShard, sampleBytes, serializeShard } from "../../packedShard.ts";
import type { Sample } from "../../sample.ts";
import { addSums, countSample, emptySampleSums, type SampleSums, statisticsOf } from "../../statistics.ts";
import { writeFileAtomic } from "../atomic.ts";
import { readWholeFile } from "../files.ts";
import { resizeArea, resizeNearest, type Size } from "./resize.ts";
import type { RawSample, Source } from "./source.ts";

/** One shard to make: samples `begin` up to `end` of a split. */
export interface ShardPlan {
  readonly split: string;
  readonly file: string;
  readonly begin: number;
  readonly end: number;
}

/** What is to be written, decided before anything is decoded; the same source and options always give the same plan. */
export interface PackPlan {
  readonly kind: PackedKind;
  /** Whether images of other sizes are brought to this one; else they are refused. */
  readonly resize: boolean;
  readonly shards: readonly ShardPlan[];
}

/** A shard that lies on the disk, whole and checked. */
export interface FinishedShard extends PackedShard {
  /** False if an earlier process had made it. */
  readonly made: boolean;
  readonly sums: SampleSums;
}

/**
 * The size of the first sample: what all have where no other size is asked for.
 * @throws FormatError as `planPack`, or naming the file of the sample that is not as it should be.
 */
export async function sourceSize(source: Source): Promise<Size> {
  checkSplits(source);
  const [split] = source.splits.keys();
  const { width, height } = (await source.read(split, 0)).rgb;
  return { width, height };
}

/** What is decided about a source before it is packed. */
export interface PackChoice {
  /** Of every image. */
  readonly size: Size;
  /** Whether images of other sizes are brought to this one; else they are refused. */
  readonly resize: boolean;
  /** About so many bytes are in a shard. */
  readonly shardBytes: number;
  /** The source's own, which takes a while. */
  readonly fingerprint: string;
  /** Which depth was asked for, where a source has several. */
  readonly depth?: string;
}

/**
 * Plans the shards of a source.
 * @throws FormatError when the source has no samples, names one twice, or has names that cannot be kept.
 */
export function planPack(source: Source, choice: PackChoice): PackPlan {
  const { name, kind, classes, labels, depthUnit, ir } = source;
  const { size, resize, shardBytes, fingerprint, depth } = choice;
  checkSplits(source);
  const form = { width: size.width, height: size.height, ir, classes, labels };
  const perShard = Math.max(1, Math.floor(shardBytes / sampleBytes({ ...form, recipe: "" })));
  const splits = [...source.splits].map(([split, samples]) => [split, samples.map((s) => [s.name, s.target])]);
  const decides = [PACKED_FORMAT, name, kind, depthUnit, form, perShard, splits, depth ?? null, fingerprint];
  const recipe = createHash("sha256").update(JSON.stringify(decides)).digest("hex");
  const shards: ShardPlan[] = [];
  for (const [split, { length }] of source.splits) {
    for (let begin = 0; begin < length; begin += perShard) {
      const file = `${split}-${String(begin / perShard).padStart(5, "0")}.safetensors`;
      shards.push({ split, file, begin, end: Math.min(length, begin + perShard) });
    }
  }
  return { kind: { ...form, recipe }, resize, shards };
}

function checkSplits(source: Source): void {
  if (source.splits.size === 0) throw new FormatError(source.name, "at least one split with samples", "none");
  for (const [split, samples] of source.splits) checkSplit(source, split, samples);
}

function checkSplit(source: Source, split: string, samples: readonly { name: string; target?: number }[]): void {
  if (!SPLIT_NAME.test(split)) throw new FormatError(source.name, "a split's name in small letters", split);
  if (samples.length === 0) throw new FormatError(source.name, `samples in ${split}`, "none");
  const seen = new Set<string>();
  for (const { name, target } of samples) {
    if (seen.has(name)) throw new FormatError(source.name, `each name of ${split} once`, `${name} again`);
    seen.add(name);
    if (name === "" || name.length > 1000 || !isPlain(name)) {
      throw new FormatError(source.name, "names of plain characters", JSON.stringify(name.slice(0, 60)));
    }
    if ((target !== undefined) !== source.classes.length > 0) {
      throw new FormatError(source.name, "a class for every sample or for none", `${name} of ${split}`);
    }
  }
}

/**
 * Makes a shard of a plan in `folder`, or keeps it where it lies there already, whole and of the same plan. `onSample` is
 * called after every sample; what it throws ends the work.
 * @throws FormatError naming the file of the source that is not as it should be.
 * @throws OnestageError when the shard cannot be written.
 */
export async function makeShard(
  source: Source,
  { kind, resize }: PackPlan,
  shard: ShardPlan,
  folder: string,
  onSample: (count: number) => void = () => {},
): Promise<FinishedShard> {
  const file = path.join(folder, shard.file);
  const count = shard.end - shard.begin;
  const kept = await keptShard(file, kind, count);
  const finish = (samples: readonly Sample[], bytes: number, made: boolean) => {
    const sums = emptySampleSums(kind.classes.length, kind.labels.length);
    for (const sample of samples) countSample(sums, sample);
    return { file: shard.file, count, bytes, made, sums };
  };
  if (kept) {
    onSample(count);
    return finish(kept.samples, kept.bytes, false);
  }
  const samples: Sample[] = [];
  for (let i = shard.begin; i < shard.end; i++) {
    samples.push(await readSample(source, shard.split, i, kind, resize));
    onSample(1);
  }
  const bytes = await serializeShard(kind, samples);
  if (bytes.length > MAX_SHARD_BYTES) {
    throw new FormatError(
      file,
      `a shard of at most ${MAX_SHARD_BYTES} bytes`,
      `${bytes.length} (--size makes it smaller)`,
    );
  }
  await writeFileAtomic(file, bytes);
  return finish(samples, bytes.length, true);
}

/** A shard that an earlier process has finished; null if there is none or it is damaged. */
async function keptShard(file: string, kind: PackedKind, count: number) {
  if (!(await stat(file).catch(() => null))) return null;
  try {
    const bytes = await readWholeFile(file, MAX_SHARD_BYTES);
    return { samples: await readShard(bytes, kind, count, file), bytes: bytes.length };
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

async function readSample(
  source: Source,
  split: string,
  index: number,
  kind: PackedKind,
  resize: boolean,
): Promise<Sample> {
  const { name, target } = source.splits.get(split)![index];
  const raw = await source.read(split, index);
  checkForm(raw, kind, `${source.name}: ${name}`);
  if (!resize) checkSize(raw, kind, `${source.name}: ${name}`);
  const { width, height } = kind;
  const size = { width, height };
  return {
    name,
    ...size,
    rgb: resizeArea(raw.rgb, size).data,
    depth: resizeNearest(raw.depth, size).data,
    ...(raw.ir && { ir: resizeNearest(raw.ir, size).data as Uint16Array }),
    ...(raw.label && { label: resizeNearest(raw.label, size).data }),
    ...(target !== undefined && { target }),
  };
}

function checkSize({ rgb, depth, ir, label }: RawSample, { width, height }: PackedKind, origin: string): void {
  const other = [rgb, depth, ir, label].find((image) => image && (image.width !== width || image.height !== height));
  if (!other) return;
  const got = `${other.width}x${other.height} (--size brings all to one size)`;
  throw new FormatError(origin, `${width}x${height} pixels like the first image`, got);
}

function checkForm({ label, ir }: RawSample, kind: PackedKind, origin: string): void {
  if (kind.ir && (ir?.data instanceof Uint8Array ? "U8" : ir && "U16") !== kind.ir) {
    throw new FormatError(origin, `infrared as ${kind.ir}`, ir ? "another type" : "none");
  }
  if ((label === undefined) !== (kind.labels.length === 0)) {
    throw new FormatError(origin, kind.labels.length > 0 ? "a label map" : "no label map", label ? "one" : "none");
  }
  const at = label?.data.findIndex((value) => value >= kind.labels.length && value !== 255) ?? -1;
  if (at < 0) return;
  const pixel = `x ${at % label!.width}, y ${Math.floor(at / label!.width)}`;
  throw new FormatError(`${origin} at ${pixel}`, `a label 0..${kind.labels.length - 1} or 255`, `${label!.data[at]}`);
}

/**
 * Writes the index of finished shards, in the order of the plan: only with it is the folder a dataset.
 * @throws OnestageError when it cannot be written.
 */
export async function writeIndex(
  source: Source,
  { kind, shards }: PackPlan,
  finished: readonly FinishedShard[],
  folder: string,
): Promise<PackedIndex> {
  const splits: Record<string, { count: number; shards: PackedShard[] }> = {};
  const train = emptySampleSums(kind.classes.length, kind.labels.length);
  for (const [i, { split }] of shards.entries()) {
    const { file, count, bytes, sums } = finished[i];
    splits[split] ??= { count: 0, shards: [] };
    splits[split].count += count;
    splits[split].shards.push({ file, count, bytes });
    if (split === "train") addSums(train, sums);
  }
  const index: PackedIndex = {
    format: PACKED_FORMAT,
    name: source.name,
    kind: source.kind,
    recipe: kind.recipe,
    width: kind.width,
    height: kind.height,
    depthUnit: source.depthUnit,
    ir: kind.ir,
    classes: kind.classes,
    labels: kind.labels,
    splits,
    statistics: train.samples > 0 ? statisticsOf(train) : null,
  };
  const text = `${JSON.stringify(index, null, 2)}\n`;
  await writeFileAtomic(path.join(folder, PACKED_INDEX), new TextEncoder().encode(text));
  return index;
}
