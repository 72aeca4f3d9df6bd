import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../tensor/errors.ts";
import { openPacked, type PackedDataset, type PackedOptions, type PackedReader, readPackedIndex } from "../packed.ts";
import { PACKED_INDEX, type PackedIndex } from "../packedIndex.ts";
import { readWholeFile, resolveInside } from "./files.ts";
import { machineMemory } from "./machine.ts";

/** Reads the files of a packed dataset from a folder (a real path); a link that leads out of it is refused. */
export function folderReader(root: string): PackedReader {
  return async (name, maxBytes) => readWholeFile(await resolveInside(root, name, root), maxBytes);
}

/**
 * Opens a folder that `onestage prepare` wrote; the samples may take half of the machine's memory unless told otherwise.
 * @throws FormatError naming the file that is not as it should be.
 * @throws OnestageError when a file cannot be read.
 */
export async function openPackedFolder(folder: string, options: PackedOptions = {}): Promise<PackedDataset> {
  const root = await realFolder(folder);
  return openPacked(folderReader(root), { origin: root, maxBytes: machineMemory() / 2, ...options });
}

/** Reads the index of a packed folder. @throws FormatError | OnestageError as openPackedFolder. */
export async function readFolderIndex(folder: string): Promise<PackedIndex> {
  const root = await realFolder(folder);
  return readPackedIndex(folderReader(root), root);
}

async function realFolder(folder: string): Promise<string> {
  return realpath(folder).catch(() => {
    throw new FormatError(folder, "a folder of a packed dataset", "nothing there");
  });
}

/** Whether a folder has the index of a packed dataset, whatever is in it. */
export async function isPacked(folder: string): Promise<boolean> {
  return (await stat(path.join(folder, PACKED_INDEX)).catch(() => null)) !== null;
}
