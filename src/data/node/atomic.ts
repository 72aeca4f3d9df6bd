import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { fileError } from "./files.ts";

const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;

/** Whether this is the name of a file that `writeFileAtomic` is still writing; one left over belongs to a process that was killed. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/**
 * Writes a file so that a reader, or a crash at any moment, sees either the old content or all of the new one: the bytes
 * go to a temporary file in the same folder and reach the disk before it is renamed, and the rename does too.
 * @throws OnestageError when it cannot be written (disk full, no permission, no such folder); the old content stays.
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const handle = await open(temporary, "wx");
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(file, `write ${bytes.length} bytes`, error);
  }
}

/** Makes a rename durable. Windows cannot open a folder for this, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
