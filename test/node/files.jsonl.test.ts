import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { appendJsonl, readJsonl, truncateJsonl } from "../../src/data/node/jsonl.ts";
import { FormatError, OnestageError } from "../../src/tensor/errors.ts";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "onestage-jsonl-"));
  file = path.join(folder, "metrics.jsonl");
});
afterEach(() => rm(folder, { recursive: true }));

const append = async (...steps: number[]) => {
  for (const step of steps) await appendJsonl(file, { step, loss: step / 10 });
};
const steps = async () => (await readJsonl(file)).map(({ step }) => step);

it("appends records and reads them back", async () => {
  await append(0, 1, 2);
  await appendJsonl(file, { step: 3, loss: Number.NaN, text: "a\nb" });
  expect(await readJsonl(file)).toEqual([
    { step: 0, loss: 0 },
    { step: 1, loss: 0.1 },
    { step: 2, loss: 0.2 },
    { step: 3, loss: null, text: "a\nb" },
  ]);
});

it("drops what lies beyond the checkpoint, and goes on as if it had never been", async () => {
  await append(1, 2, 3);
  const straight = await readFile(file, "utf8");
  await append(4, 5);
  await truncateJsonl(file, 3);
  expect(await readFile(file, "utf8")).toBe(straight);
  await append(4);
  expect(await steps()).toEqual([1, 2, 3, 4]);
});

it("tolerates a last line that was torn, and mends the file", async () => {
  await append(1, 2);
  const whole = await readFile(file, "utf8");
  const line = '{"step":3,"loss":0.3}\n';
  for (let length = 0; length < line.length; length++) {
    await writeFile(file, whole + line.slice(0, length));
    expect(await steps()).toEqual([1, 2]);
    await truncateJsonl(file, 9);
    expect(await readFile(file, "utf8")).toBe(whole);
  }
});

it("has nothing to drop where there is no file, or an empty one", async () => {
  await truncateJsonl(file, 3);
  await expect(readJsonl(file)).rejects.toThrow(
    /metrics\.jsonl: cannot read: there is no such file or folder \(ENOENT\)$/,
  );
  await writeFile(file, "");
  await truncateJsonl(file, 3);
  expect(await steps()).toEqual([]);
});

it.each(['{"step":1', "null", "[]", '{"loss":1}', '{"step":"1"}', "", "{}{}"])(
  "names a line in the middle that is %j",
  async (bad) => {
    await append(1);
    await appendFile(file, `${bad}\n`);
    await append(2);
    await expect(readJsonl(file)).rejects.toThrow(FormatError);
    await expect(truncateJsonl(file, 1)).rejects.toThrow(/metrics\.jsonl:2: expected a JSON object with a step, got /);
  },
);

it("says why it cannot append", async () => {
  const nowhere = path.join(folder, "none", "metrics.jsonl");
  await expect(appendJsonl(nowhere, { step: 1 })).rejects.toThrow(OnestageError);
  await expect(appendJsonl(nowhere, { step: 1 })).rejects.toThrow(/cannot append a record: .*\(ENOENT\)$/);
});
