import { mkdir, open, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { FormatError, OnestageError } from "../../tensor/errors.ts";

/** What the operating system's error codes mean to the person who reads the message. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "no permission",
  EDQUOT: "the disk quota is used up",
  EEXIST: "it exists already",
  EFBIG: "the file would be too large",
  EISDIR: "it is a folder",
  ELOOP: "it is a loop of links",
  EMFILE: "too many open files",
  ENOENT: "there is no such file or folder",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is not a folder",
  EPERM: "not permitted",
  EROFS: "the disk is read-only",
};

/** Turns a failed file operation into one clear error: `FILE: cannot write 120 bytes: the disk is full (ENOSPC)`. */
export function fileError(file: string, action: string, error: unknown): OnestageError {
  if (error instanceof OnestageError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code && code in REASONS ? `${REASONS[code]} (${code})` : message;
  return new OnestageError(`${file}: cannot ${action}: ${reason}`, { cause: error });
}

/**
 * Reads a whole regular file of at most `maxBytes`, whose size is looked at before anything is allocated.
 * @throws FormatError when it is too large or no regular file (a pipe would block for ever).
 * @throws OnestageError when it cannot be read.
 */
export async function readWholeFile(file: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await statRegular(file);
    const handle = await open(file, "r");
    try {
      // Of the opened file: by now its name may stand for another one.
      const { size } = await handle.stat();
      if (size > maxBytes) throw new FormatError(file, `a file of at most ${maxBytes} bytes`, `${size} bytes`);
      const bytes = new Uint8Array(size);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(size - at, 2 ** 30), at);
        if (bytesRead === 0) throw new FormatError(file, `${size} bytes`, `only ${at}: it shrank while it was read`);
        at += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(file, "read", error);
  }
}

/**
 * Reads a text file of at most 4 MiB (unless told otherwise) in UTF-8.
 * @throws FormatError when it is larger, no regular file or not UTF-8.
 * @throws OnestageError when it cannot be read.
 */
export async function readText(file: string, maxBytes = 2 ** 22): Promise<string> {
  const bytes = await readWholeFile(file, maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError(file, "text in UTF-8", "other bytes");
  }
}

/**
 * Reads a JSON file of at most 4 MiB (unless told otherwise).
 * @throws FormatError when it is no JSON, or as `readText`.
 */
export async function readJson(file: string, maxBytes?: number): Promise<unknown> {
  const text = await readText(file, maxBytes);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(file, "JSON", (error as SyntaxError).message);
  }
}

/**
 * Real path of `relative` below `root` (which must be a real path itself); `origin` says where that path was written.
 * @throws FormatError when it leads out, by a link or otherwise, or does not exist.
 */
export async function resolveInside(root: string, relative: string, origin: string): Promise<string> {
  const joined = path.join(root, relative);
  let real: string;
  try {
    real = await realpath(joined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw fileError(joined, "read", error);
    throw new FormatError(joined, `a file (named by ${origin})`, "nothing there");
  }
  if (!real.startsWith(root.endsWith(path.sep) ? root : root + path.sep)) {
    throw new FormatError(origin, "a path inside the dataset folder", `${relative}, a link to ${real}`);
  }
  return real;
}

async function statRegular(file: string) {
  const found = await stat(file);
  if (!found.isFile())
    throw new FormatError(file, "a regular file", found.isDirectory() ? "a folder" : "a special file");
  return found;
}

/** Makes a folder, and those that it lies in, unless it is there. @throws OnestageError when it cannot be made. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw fileError(folder, "create the folder", error);
  });
}
