import { type FileHandle, open } from "node:fs/promises";
import { toFloat32 } from "../data/floats.ts";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { fileError } from "../data/node/files.ts";
import {
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  safetensorsHeaderLength,
} from "../data/safetensors.ts";
import { packStateDict } from "../data/stateDict.ts";
import { NETWORK_DTYPES } from "../infer/facts.ts";
import type { Module, Stored } from "../nn/module.ts";
import { FormatError } from "../tensor/errors.ts";

/** Writes a network's tensors as one safetensors file, with PyTorch's names and layout. */
export async function saveNetwork(file: string, module: Module): Promise<void> {
  await writeFileAtomic(file, packStateDict(await module.stateDict()));
}

/**
 * Fills a network with the tensors of a file whose names begin with `prefix`, reading those and no others.
 * @throws FormatError naming the tensor that is missing or is not what the network needs.
 */
export async function loadNetwork(file: string, module: Module, prefix = ""): Promise<void> {
  await withHeader(file, async ({ tensors }, handle) => {
    const stored = new Map<string, Stored>();
    for (const [name, tensor] of module.state()) {
      const entry = tensors.get(prefix + name);
      if (!entry) continue;
      // Looked at before reading: what comes from a file decides nothing about how much is read.
      checkEntry(entry, tensor.size, `${file}: ${prefix}${name}`);
      const data = await readBytes(handle, entry.begin, entry.end - entry.begin, file);
      const { dtype, shape } = entry;
      stored.set(name, { shape, data: toFloat32({ dtype, shape, data }, file) });
    }
    module.loadStateDict(stored, { origin: file });
  });
}

/** What a safetensors file says about itself. @throws FormatError | OnestageError if it cannot be read. */
export async function readMetadata(file: string): Promise<Record<string, string>> {
  return withHeader(file, async ({ metadata }) => metadata);
}

/** Opens a safetensors file and reads its header, and no more. */
async function withHeader<T>(
  file: string,
  use: (header: SafetensorsHeader, handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(file, "r").catch((error) => {
    throw fileError(file, "read", error);
  });
  try {
    const info = await handle.stat();
    if (!info.isFile()) throw new FormatError(file, "a regular file", "something else");
    const start = await readBytes(handle, 0, Math.min(8, info.size), file);
    const length = safetensorsHeaderLength(start, info.size, file);
    return await use(parseSafetensorsHeader(await readBytes(handle, 0, 8 + length, file), info.size, file), handle);
  } finally {
    await handle.close();
  }
}

function checkEntry({ dtype, shape }: SafetensorsEntry, size: number, name: string): void {
  if (!NETWORK_DTYPES.includes(dtype)) throw new FormatError(name, `dtype ${NETWORK_DTYPES.join(" or ")}`, dtype);
  const elements = shape.reduce((product, extent) => product * extent, 1);
  if (elements !== size) throw new FormatError(name, `${size} elements`, `${elements} ([${shape}])`);
}

async function readBytes(handle: FileHandle, from: number, length: number, file: string) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, from + at);
    if (bytesRead === 0)
      throw new FormatError(file, `${from + length} bytes`, `${from + at}: it shrank while it was read`);
    at += bytesRead;
  }
  return bytes;
}
