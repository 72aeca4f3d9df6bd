import { createHash } from "node:crypto";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type KernelChoices, readChoices } from "../../tensor/choices.ts";
import { FormatError, OnestageError } from "../../tensor/errors.ts";
import type { TunedJob } from "../../tensor/tune.ts";
import { writeFileAtomic } from "./atomic.ts";
import { fileError, makeFolder, readJson } from "./files.ts";

/** What is stored for one adapter: what tuning found, by job, and the variants that somebody wants, by family. */
export interface Tuned {
  adapter: string;
  jobs: Readonly<Record<string, TunedJob>>;
  pins: Readonly<Record<string, string>>;
}

const FORMAT = "onestage-kernels-1";

// A file of an adapter: the beginning of its name's hash.
const FILE_NAME = /^[0-9a-f]{16}\.json$/;

// Writing takes milliseconds: a lock as old as this, in milliseconds, was left by a process that was killed.
const STALE_MS = 10_000;

/** Tuned kernel choices in a folder, one file for each adapter; those of another version of the engine do not count. */
export class TunedStore {
  constructor(
    readonly folder: string,
    private readonly version: string,
  ) {}

  /** Where the choices of an adapter lie. */
  file(adapter: string): string {
    const hash = createHash("sha256").update(adapter).digest("hex");
    return path.join(this.folder, `${hash.slice(0, 16)}.json`);
  }

  /** What is stored for an adapter; a file that cannot be used counts as none, and `warn` hears why. */
  async read(adapter: string, warn: (message: string) => void): Promise<Tuned> {
    const file = this.file(adapter);
    try {
      const found = await this.#load(file);
      if (found && found.adapter !== adapter) throw new FormatError(file, `choices of ${adapter}`, found.adapter);
      if (found) return found;
    } catch (error) {
      if (!(error instanceof OnestageError)) throw error;
      warn(`tuned kernel choices are passed over: ${error.message}`);
    }
    return { adapter, jobs: {}, pins: {} };
  }

  /**
   * Changes what is stored for an adapter; of several processes that do so at once none undoes what another did.
   * @throws OnestageError if it cannot be written.
   */
  async update(adapter: string, change: (before: Tuned) => Pick<Tuned, "jobs" | "pins">): Promise<void> {
    const file = this.file(adapter);
    await makeFolder(this.folder);
    await locked(file, async () => {
      const { jobs, pins } = change(await this.read(adapter, () => {}));
      const stored = { format: FORMAT, version: this.version, adapter, pins, jobs: Object.values(jobs) };
      await writeFileAtomic(file, new TextEncoder().encode(`${JSON.stringify(stored, null, 2)}\n`));
    });
  }

  /** Everything that is stored for any adapter; `warn` hears of the files that cannot be used. */
  async list(warn: (message: string) => void): Promise<Tuned[]> {
    const all: Tuned[] = [];
    for (const file of await this.#files()) {
      try {
        const found = await this.#load(file);
        if (found) all.push(found);
      } catch (error) {
        if (!(error instanceof OnestageError)) throw error;
        warn(`tuned kernel choices are passed over: ${error.message}`);
      }
    }
    return all;
  }

  /** Removes what is stored for an adapter, or for all of them, damaged files too. @returns the number of files */
  async clear(adapter?: string): Promise<number> {
    const wanted = adapter === undefined ? null : this.file(adapter);
    const files = (await this.#files()).filter((file) => wanted === null || file === wanted);
    for (const file of files) {
      await rm(file, { force: true }).catch((error) => {
        throw fileError(file, "remove it", error);
      });
    }
    return files.length;
  }

  async #files(): Promise<string[]> {
    const names = await readdir(this.folder).catch((error) => {
      if (error.code === "ENOENT") return [] as string[];
      throw fileError(this.folder, "read", error);
    });
    return names
      .filter((name) => FILE_NAME.test(name))
      .sort()
      .map((name) => path.join(this.folder, name));
  }

  /** Reads a file, null if there is none. @throws FormatError if it is damaged, or of another version. */
  async #load(file: string): Promise<Tuned | null> {
    if (!(await stat(file).catch(() => null))) return null;
    const json = await readJson(file);
    const root = (json ?? {}) as Record<string, unknown>;
    if (root.format !== FORMAT) throw new FormatError(`${file}: format`, FORMAT, `${root.format}`.slice(0, 60));
    if (root.version !== this.version) {
      throw new FormatError(`${file}: version`, `${this.version}, this one`, `${root.version}`.slice(0, 60));
    }
    if (!Array.isArray(root.jobs)) throw new FormatError(`${file}: jobs`, "a list", "something else");
    const jobs = root.jobs.map((job, i) => jobOf(job, `${file}: jobs[${i}]`));
    const { adapter, pins } = readChoices({ ...root, choices: {} }, file);
    return { adapter, pins, jobs: Object.fromEntries(jobs.map((job) => [job.key, job])) };
  }
}

/** The choices and pins to use, from what is stored. */
export function choicesOf({ adapter, jobs, pins }: Tuned): KernelChoices {
  return { adapter, choices: Object.fromEntries(Object.values(jobs).map(({ key, chosen }) => [key, chosen])), pins };
}

function jobOf(json: unknown, origin: string): TunedJob {
  const { key, preferred, chosen, seconds } = (json ?? {}) as Record<string, unknown>;
  const texts = [key, preferred, chosen].every((value) => typeof value === "string");
  const times = typeof seconds === "object" && seconds !== null ? Object.values(seconds) : [];
  const timed = times.length > 0 && times.every((time) => typeof time === "number" && time >= 0);
  if (!texts || !timed) throw new FormatError(origin, "a tuned job", (JSON.stringify(json) ?? "nothing").slice(0, 60));
  return { key, preferred, chosen, seconds } as TunedJob;
}

/** Runs `body` while no other process writes the file. */
async function locked<T>(file: string, body: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`;
  for (;;) {
    try {
      await writeFile(lock, "", { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw fileError(lock, "write", error);
    }
    const made = (await stat(lock).catch(() => null))?.mtimeMs;
    if (made !== undefined && Math.abs(Date.now() - made) > STALE_MS) await rm(lock, { force: true });
    else await sleep(20);
  }
  try {
    return await body();
  } finally {
    await rm(lock, { force: true });
  }
}
