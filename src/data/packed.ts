import { FormatError, OnestageError } from "../tensor/errors.ts";
import { MemoryDataset } from "./memory.ts";
import { MAX_INDEX_BYTES, PACKED_INDEX, type PackedIndex, type PackedShard, parsePackedIndex } from "./packedIndex.ts";
import { readShard, sampleBytes } from "./packedShard.ts";
import type { Sample } from "./sample.ts";

/** Reads a whole file of a packed dataset by its name; it refuses what is longer than `maxBytes`. */
export type PackedReader = (name: string, maxBytes: number) => Promise<Uint8Array>;

/** Options of {@link openPacked}. */
export interface PackedOptions {
  /** Where the files lie, for messages. */
  readonly origin?: string;
  /** Called after each shard, with the number of samples read so far and the number there will be. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Most bytes the samples may take in memory; 4 GiB unless given. */
  readonly maxBytes?: number;
}

/** A packed dataset in memory, with the index that it was read by. */
export class PackedDataset extends MemoryDataset {
  constructor(
    readonly index: PackedIndex,
    samples: ReadonlyMap<string, readonly Sample[]>,
  ) {
    super(index, samples);
  }

  /** What one step of depth is, where it is no millimetre. */
  get depthUnit(): string | undefined {
    return this.index.depthUnit === "mm" ? undefined : this.index.depthUnit;
  }
}

/**
 * Reads a packed dataset into memory: the same bytes in Node and in the browser. No image is decoded, so this takes
 * about as long as reading the files.
 * @throws FormatError naming the file that is damaged, hostile, or too large for `maxBytes`.
 */
export async function openPacked(read: PackedReader, options: PackedOptions = {}): Promise<PackedDataset> {
  const { origin = "packed dataset", onProgress, maxBytes = 2 ** 32 } = options;
  const index = await readPackedIndex(read, origin);
  const total = Object.values(index.splits).reduce((sum, { count }) => sum + count, 0);
  checkMemory(index, total, maxBytes, origin);
  const samples = new Map<string, Sample[]>();
  let done = 0;
  for (const [split, { shards }] of Object.entries(index.splits)) {
    const all: Sample[] = [];
    for (const shard of shards) {
      all.push(...(await readListed(read, index, shard, `${origin}/${shard.file}`)));
      done += shard.count;
      onProgress?.(done, total);
    }
    if (new Set(all.map(({ name }) => name)).size < all.length) {
      throw new FormatError(`${origin}: ${split}`, "each name once", "one in two shards");
    }
    samples.set(split, all);
  }
  return new PackedDataset(index, samples);
}

/** Reads the index of a packed dataset only. @throws FormatError when it is not as it should be. */
export async function readPackedIndex(read: PackedReader, origin: string): Promise<PackedIndex> {
  const file = `${origin}/${PACKED_INDEX}`;
  const bytes = await read(PACKED_INDEX, MAX_INDEX_BYTES);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError(file, "text in UTF-8", "other bytes");
  }
  return parsePackedIndex(text, file);
}

/**
 * Reads the files of a packed dataset from below a URL.
 * @throws FormatError when a file is longer than it may be; OnestageError when it cannot be fetched.
 */
export function fetchPacked(url: string): PackedReader {
  return async (name, maxBytes) => {
    const file = `${url.replace(/\/$/, "")}/${name}`;
    const response = await fetch(file).catch((error) => {
      throw new OnestageError(`${file}: cannot fetch: ${(error as Error).message}`, { cause: error });
    });
    if (!response.ok || !response.body) throw new OnestageError(`${file}: cannot fetch: status ${response.status}`);
    const parts: Uint8Array[] = [];
    let size = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      size += part.value.length;
      if (size <= maxBytes) continue;
      await reader.cancel();
      throw new FormatError(file, `a file of at most ${maxBytes} bytes`, "more");
    }
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  };
}

async function readListed(read: PackedReader, index: PackedIndex, shard: PackedShard, file: string) {
  const bytes = await read(shard.file, shard.bytes);
  if (bytes.length !== shard.bytes) throw new FormatError(file, `${shard.bytes} bytes`, `${bytes.length}`);
  return readShard(bytes, index, shard.count, file);
}

/** Before anything is read: what the samples will take, and whether the shards can hold them. */
function checkMemory(index: PackedIndex, count: number, maxBytes: number, origin: string): void {
  const bytes = count * sampleBytes(index);
  const mebibytes = (n: number) => `${Math.round(n / 2 ** 20)} MiB`;
  if (bytes > maxBytes) {
    const got = `${count} of ${index.width}x${index.height} (${mebibytes(bytes)})`;
    throw new FormatError(origin, `samples that fit into ${mebibytes(maxBytes)} of memory`, got);
  }
  for (const { shards } of Object.values(index.splits)) {
    for (const { file, count: own, bytes: size } of shards) {
      const least = own * sampleBytes(index);
      if (size < least) throw new FormatError(`${origin}/${file}`, `at least ${least} bytes`, `${size} in the index`);
    }
  }
}
