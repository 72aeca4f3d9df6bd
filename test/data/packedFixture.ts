import { PACKED_FORMAT, type PackedIndex, type PackedKind } from "../../src/data/packedIndex.ts";
import { serializeShard } from "../../src/data/packedShard.ts";
import type { Sample } from "../../src/data/sample.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** A kind with everything in it: 5x3 pixels, infrared of 8 bits, two classes, three labels. */
export const kind: PackedKind = {
  width: 5,
  height: 3,
  ir: "U8",
  classes: ["cat", "dog"],
  labels: ["floor", "wall", "__proto__"],
  recipe: "ab".repeat(32),
};

/** Samples of that kind, the same in every engine. */
export function samplesOf(split: string, count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => {
    const rng = new Rng(3, split, i);
    const { width, height } = kind;
    const draw = (length: number, below: number) => Array.from({ length }, () => rng.int(below));
    return {
      name: `${split}/${i} é`,
      width,
      height,
      rgb: Uint8Array.from(draw(45, 256)),
      depth: Uint16Array.from(draw(15, 3), (value) => 30000 * value),
      ir: Uint16Array.from(draw(15, 256)),
      label: Uint8Array.from(draw(15, 4), (value) => (value === 3 ? 255 : value)),
      target: rng.int(2),
    };
  });
}

/** The files of a packed dataset by name: train in shards of 2 and 1, val in one of 2. */
export async function packedFiles(): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const splits: Record<string, { count: number; shards: { file: string; count: number; bytes: number }[] }> = {};
  const add = async (split: string, number: number, samples: Sample[]) => {
    const file = `${split}-0000${number}.safetensors`;
    const bytes = await serializeShard(kind, samples);
    files.set(file, bytes);
    splits[split] ??= { count: 0, shards: [] };
    splits[split].count += samples.length;
    splits[split].shards.push({ file, count: samples.length, bytes: bytes.length });
  };
  const train = samplesOf("train", 3);
  await add("train", 0, train.slice(0, 2));
  await add("train", 1, train.slice(2));
  await add("val", 0, samplesOf("val", 2));
  const head = { format: PACKED_FORMAT, name: "pets", kind: "lists", depthUnit: "mm" } as const;
  const index: PackedIndex = { ...head, ...kind, splits, statistics: null };
  files.set("index.json", new TextEncoder().encode(JSON.stringify(index)));
  return files;
}

/** SHA-256 in hexadecimal digits. */
export async function sha256(...parts: (Uint8Array | Uint16Array | Uint32Array | Float32Array)[]): Promise<string> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
