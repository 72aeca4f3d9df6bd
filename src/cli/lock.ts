import { readFileSync, writeFileSync } from "node:fs";
import { readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileError } from "../data/node/files.ts";
import { UsageError } from "../tensor/errors.ts";

/** Name of the file that a process holds while it writes into a folder. */
export const LOCK_FILE = ".lock";

const ATTEMPTS = 3;

// A process on another machine counts as alive as long as it has touched its lock, which it does now and then.
const TOUCH_MS = 30_000;
const SILENT_MS = 6 * TOUCH_MS;

/**
 * Takes a folder for this process, so that no other writes into it; one left by a process that is gone is taken over, from
 * another machine (on a shared file system) after three minutes.
 * `does` says what is done in the folder.
 * @returns what gives the folder back.
 * @throws UsageError if a living process has it.
 */
export async function lockFolder(folder: string, does = "trains into"): Promise<() => Promise<void>> {
  const file = path.join(folder, LOCK_FILE);
  const ours = `${identity(process.pid)!}@${hostname()}`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      writeFileSync(file, ours, { flag: "wx" });
      // Of two that take over the same lock at once, the later one has removed the earlier one's: then that one retries.
      if (attempt > 0) await sleep(50);
      if (attempt === 0 || (await readLock(file)) === ours) return hold(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(file, "write", error);
    }
    const holder = await readLock(file);
    if (await isAlive(holder, file)) break;
    await rm(file, { force: true });
  }
  const pid = Number.parseInt(await readLock(file), 10);
  throw new UsageError(`${folder}: expected a folder that nobody ${does}, got one that process ${pid} ${does}`);
}

/** Keeps a lock fresh until it is given back. */
function hold(file: string): () => Promise<void> {
  const touch = () => utimes(file, new Date(), new Date()).catch(() => {});
  const timer = setInterval(touch, TOUCH_MS).unref();
  return () => {
    clearInterval(timer);
    return rm(file, { force: true });
  };
}

/** Whether the process that wrote this still runs. */
async function isAlive(holder: string, file: string): Promise<boolean> {
  const [process, host] = holder.split("@") as [string, string?];
  if (host === undefined || host === hostname()) return identity(Number.parseInt(process, 10)) === process;
  const touched = (await stat(file).catch(() => null))?.mtimeMs;
  return holder !== "" && touched !== undefined && Date.now() - touched < SILENT_MS;
}

async function readLock(file: string): Promise<string> {
  const read = () => readFile(file, "utf8").catch(() => "");
  const content = await read();
  if (content !== "") return content;
  // Just made and about to be written, unless its process was killed in between.
  await sleep(50);
  return read();
}

/** Number and start of a living process, null if it is gone: numbers are given again, above all in containers. */
function identity(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of somebody else is alive too.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return null;
  }
  try {
    // The start in clock ticks since boot. Source: proc(5), /proc/pid/stat, field 22, counted behind the name.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return `${pid}`;
  }
}
