import { existsSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { FormatError } from "../../tensor/errors.ts";
import { writeFileAtomic } from "./atomic.ts";
import { fileError, readWholeFile } from "./files.ts";

/** One line of a metrics file. */
export type MetricsRecord = { readonly step: number } & Readonly<Record<string, unknown>>;

const MAX_BYTES = 2 ** 30;

/**
 * Appends one record as a line of JSON; numbers that are not finite become null.
 * @throws OnestageError when the file cannot be written.
 */
export async function appendJsonl(file: string, record: MetricsRecord): Promise<void> {
  try {
    await appendFile(file, `${JSON.stringify(record)}\n`);
  } catch (error) {
    throw fileError(file, "append a record", error);
  }
}

/**
 * All records of a metrics file; a last line without its line end was torn by a crash and is left out.
 * @throws FormatError naming file and line when any other line is not a record with a step.
 */
export async function readJsonl(file: string): Promise<MetricsRecord[]> {
  const text = new TextDecoder().decode(await readWholeFile(file, MAX_BYTES));
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, i) => parseRecord(line, `${file}:${i + 1}`));
}

/**
 * Drops the records after `step` and a torn last line, so that a run resumed from that step continues the file;
 * nothing happens where there is no file yet.
 * @throws FormatError when a line is not a record.
 */
export async function truncateJsonl(file: string, step: number): Promise<void> {
  if (!existsSync(file)) return;
  const kept = (await readJsonl(file)).filter((record) => record.step <= step);
  await writeFileAtomic(file, new TextEncoder().encode(kept.map((record) => `${JSON.stringify(record)}\n`).join("")));
}

function parseRecord(line: string, origin: string): MetricsRecord {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    record = undefined;
  }
  if (typeof record !== "object" || record === null || !Number.isFinite((record as MetricsRecord).step)) {
    throw new FormatError(origin, "a JSON object with a step", JSON.stringify(line.slice(0, 60)));
  }
  return record as MetricsRecord;
}
