import { FormatError } from "../tensor/errors.ts";
import { isPlain, type PackedKind } from "./packedIndex.ts";
import { parseSafetensors, type SafeTensor, type SafetensorsDtype, serializeSafetensors } from "./safetensors.ts";
import type { Sample } from "./sample.ts";
import { fromTypedArray, toTypedArray } from "./typedArrays.ts";

const FORMAT = "onestage-shard-1";

const IGNORE = 255;

const LONGEST_NAME = 1000;

/** dtype and shape of every tensor of a shard of `count` samples. */
function layout(kind: PackedKind, count: number): Map<string, { dtype: SafetensorsDtype; shape: number[] }> {
  const image = [count, kind.height, kind.width];
  const tensors = new Map<string, { dtype: SafetensorsDtype; shape: number[] }>([
    ["rgb", { dtype: "U8", shape: [...image, 3] }],
    ["depth", { dtype: "U16", shape: image }],
  ]);
  if (kind.ir) tensors.set("ir", { dtype: kind.ir, shape: image });
  if (kind.labels.length > 0) tensors.set("label", { dtype: "U8", shape: image });
  if (kind.classes.length > 0) tensors.set("target", { dtype: "U32", shape: [count] });
  return tensors;
}

/** Bytes that one sample takes in a shard, its name left out. */
export function sampleBytes(kind: PackedKind): number {
  const perPixel = 5 + (kind.ir ? (kind.ir === "U8" ? 1 : 2) : 0) + (kind.labels.length > 0 ? 1 : 0);
  return kind.width * kind.height * perPixel + (kind.classes.length > 0 ? 4 : 0);
}

/** The bytes of a shard: the same samples of the same kind always give the same bytes. */
export async function serializeShard(kind: PackedKind, samples: readonly Sample[]): Promise<Uint8Array> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { dtype, shape }] of layout(kind, samples.length)) {
    const length = shape.reduce((product, size) => product * size, 1);
    const all =
      dtype === "U8" ? new Uint8Array(length) : dtype === "U16" ? new Uint16Array(length) : new Uint32Array(length);
    for (const [i, sample] of samples.entries()) {
      const own = sample[name as "rgb" | "depth" | "ir" | "label" | "target"]!;
      all.set(typeof own === "number" ? [own] : own, (i * length) / samples.length);
    }
    tensors.set(name, fromTypedArray(all, shape));
  }
  const names = JSON.stringify(samples.map(({ name }) => name));
  const sha256 = await digest(names, tensors);
  return serializeSafetensors(tensors, { format: FORMAT, recipe: kind.recipe, names, sha256: sha256 ?? "" });
}

/** A shard's samples, and the hash that its content should have. */
export interface ParsedShard {
  readonly samples: readonly Sample[];
  readonly sha256: string;
  /** The hash that it does have; null where this machine's browser computes none (a page without https). */
  readonly digest: () => Promise<string | null>;
}

/**
 * Reads a shard of `count` samples; the images are views into `bytes`.
 * @throws FormatError when it is damaged, of another dataset, or not what the index says.
 */
export function parseShard(bytes: Uint8Array, kind: PackedKind, count: number, file: string): ParsedShard {
  const { metadata, tensors } = parseSafetensors(bytes, file);
  const { format, recipe, names = "", sha256 = "" } = metadata;
  if (format !== FORMAT)
    throw new FormatError(file, `a shard of a packed dataset (${FORMAT})`, `format ${show(format)}`);
  if (recipe !== kind.recipe) throw new FormatError(file, "a shard of the same dataset as its index", "another one's");
  const expected = layout(kind, count);
  for (const name of tensors.keys()) {
    if (!expected.has(name)) throw new FormatError(file, `the tensors ${[...expected.keys()].join(", ")}`, show(name));
  }
  for (const [name, { dtype, shape }] of expected) {
    const found = tensors.get(name);
    const got = found && `${found.dtype} [${found.shape}]`;
    if (got !== `${dtype} [${shape}]`) throw new FormatError(file, `${name} as ${dtype} [${shape}]`, got ?? "none");
  }
  const samples = split(tensors, kind, readNames(names, count, file), file);
  return { samples, sha256, digest: () => digest(names, tensors) };
}

/** The same, with the hash of names and tensors checked where this machine can. @throws FormatError as parseShard does. */
export async function readShard(
  bytes: Uint8Array,
  kind: PackedKind,
  count: number,
  file: string,
): Promise<readonly Sample[]> {
  const { samples, sha256, digest } = parseShard(bytes, kind, count, file);
  const found = await digest();
  if (found !== null && found !== sha256)
    throw new FormatError(file, "a shard whose content matches its hash", "a damaged one");
  return samples;
}

function readNames(json: string, count: number, file: string): string[] {
  let names: unknown;
  try {
    names = JSON.parse(json);
  } catch {
    names = undefined;
  }
  const isName = (name: unknown) =>
    typeof name === "string" && name !== "" && name.length <= LONGEST_NAME && isPlain(name);
  if (!Array.isArray(names) || names.length !== count || !names.every(isName) || new Set(names).size < count) {
    throw new FormatError(file, `${count} names, each once`, show(json));
  }
  return names;
}

/** The samples of checked tensors. */
function split(tensors: ReadonlyMap<string, SafeTensor>, kind: PackedKind, names: string[], file: string): Sample[] {
  const { width, height, classes, labels } = kind;
  const pixels = width * height;
  const array = (name: string) => tensors.get(name) && toTypedArray(tensors.get(name)!, file);
  const [rgb, depth] = [array("rgb") as Uint8Array, array("depth") as Uint16Array];
  const [label, target] = [array("label") as Uint8Array | undefined, array("target") as Uint32Array | undefined];
  const infrared = array("ir");
  const ir = infrared instanceof Uint8Array ? Uint16Array.from(infrared) : (infrared as Uint16Array | undefined);
  const badLabel = label?.findIndex((value) => value >= labels.length && value !== IGNORE) ?? -1;
  if (badLabel >= 0) {
    const where = `${file}: label of ${show(names[Math.floor(badLabel / pixels)])}`;
    throw new FormatError(where, `0..${labels.length - 1} or ${IGNORE}`, `${label![badLabel]}`);
  }
  const badTarget = target?.findIndex((value) => value >= classes.length) ?? -1;
  if (badTarget >= 0) {
    const where = `${file}: class of ${show(names[badTarget])}`;
    throw new FormatError(where, `0..${classes.length - 1}`, `${target![badTarget]}`);
  }
  return names.map((name, i) => {
    const [from, to] = [i * pixels, (i + 1) * pixels];
    return {
      name,
      width,
      height,
      rgb: rgb.subarray(3 * from, 3 * to),
      depth: depth.subarray(from, to),
      ...(ir && { ir: ir.subarray(from, to) }),
      ...(label && { label: label.subarray(from, to) }),
      ...(target && { target: target[i] }),
    };
  });
}

/** SHA-256 over the hashes of the names and of each tensor in the order of their names; null without Web Crypto. */
async function digest(names: string, tensors: ReadonlyMap<string, SafeTensor>): Promise<string | null> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return null;
  const parts = [new TextEncoder().encode(names), ...[...tensors.keys()].sort().map((name) => tensors.get(name)!.data)];
  const all = new Uint8Array(32 * parts.length);
  for (const [i, part] of parts.entries()) {
    all.set(new Uint8Array(await subtle.digest("SHA-256", part as Uint8Array<ArrayBuffer>)), 32 * i);
  }
  const hash = new Uint8Array(await subtle.digest("SHA-256", all));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A text of the file as it appears in a message. */
function show(text = "none"): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
