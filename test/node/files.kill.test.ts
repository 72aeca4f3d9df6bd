import { execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCheckpoint, readCheckpoint, saveCheckpoint } from "../../src/data/node/checkpoint.ts";
import { fromTypedArray, toTypedArray } from "../../src/data/typedArrays.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import { randomIntegers } from "../fuzz/mutate.ts";
import { bundleChild } from "./childBundle.ts";

/** Kills of each kind; ONESTAGE_KILLS sets another number, for a night's run. */
const KILLS = Number(process.env.ONESTAGE_KILLS ?? 30);
/** Elements of each of two tensors: 2 MiB a checkpoint. */
const ELEMENTS = 2 ** 18;

/** Goes on beyond the usual number while no kill has hit what it must hit: how often it does depends on the disk. */
const wanted = (usual: number, kills: number, hits: number) => kills < usual || (hits === 0 && kills < 20 * usual);

let work: string;
beforeAll(async () => {
  work = await mkdtemp(path.join(tmpdir(), "onestage-kill-"));
  await bundleChild(new URL("./checkpointSaver.child.ts", import.meta.url), path.join(work, "saver.mjs"));
});
afterAll(() => rm(work, { recursive: true }));

/** Runs the saver, kills it `delayMs` after its first save returned, and gives the last step it said was saved. */
function saveAndKill(folder: string, kind: "atomic" | "naive", delayMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(work, "saver.mjs"), folder, kind, String(ELEMENTS)]);
    let output = "";
    let errors = "";
    child.stderr.on("data", (text) => {
      errors += text;
    });
    child.stdout.on("data", (text) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), delayMs);
      output += text;
    });
    child.on("close", (_, signal) => {
      if (signal === "SIGKILL") resolve(Number(output.split("\n").at(-2)));
      else reject(new Error(`the saver ended by itself: ${errors}`));
    });
  });
}

describe("kill -9 in the middle of saving", { timeout: 1e8 }, () => {
  it(`checkpoints: ${KILLS} kills, none torn, nothing lost that was saved, each run goes on from the last`, async () => {
    const folder = path.join(work, "atomic");
    const random = randomIntegers(5);
    let [kill, steps, inTheMiddle] = [0, 0, 0];
    for (; wanted(KILLS, kill, inTheMiddle); kill++) {
      const saved = await saveAndKill(folder, "atomic", random(40));
      const names = await readdir(folder);
      if (names.some((name) => name.endsWith(".tmp"))) inTheMiddle++;
      for (const name of names.filter((name) => name.endsWith(".safetensors")))
        await readCheckpoint(path.join(folder, name));
      const loaded = (await loadCheckpoint(folder))!;
      const { step } = loaded.state;
      expect(loaded.damaged).toEqual([]);
      expect(step).toBeGreaterThanOrEqual(saved);
      expect(step).toBeGreaterThan(steps);
      expect(loaded.state.order).toBe(`epoch of ${step}`);
      for (const [name, value] of [
        ["weight", step],
        ["momentum", -step],
      ] as const) {
        const values = toTypedArray(loaded.tensors.get(name)!, name) as Float32Array;
        expect(values.length).toBe(ELEMENTS);
        expect(values.every((element) => element === value)).toBe(true);
      }
      // At most the two that are kept, one that was just written, and one that was being written.
      expect(names.length).toBeLessThanOrEqual(4);
      steps = step;
    }
    console.log(`kill -9: ${kill} kills, ${inTheMiddle} before the rename, 0 torn, ${steps} steps saved`);
    expect(inTheMiddle).toBeGreaterThan(0);
  });

  it(`control: a writer that overwrites its file is torn by the same kills`, async () => {
    const random = randomIntegers(5);
    let [kill, torn] = [0, 0];
    for (; wanted(Math.ceil(KILLS / 3), kill, torn); kill++) {
      const folder = path.join(work, `naive-${kill}`);
      await saveAndKill(folder, "naive", random(40));
      const error = await loadCheckpoint(folder).catch((thrown: unknown) => thrown);
      if (error instanceof FormatError) torn++;
      await rm(folder, { recursive: true });
    }
    console.log(`kill -9: ${kill} kills of the naive writer, ${torn} torn`);
    expect(torn).toBeGreaterThan(0);
  });
});

it.skipIf(process.platform === "win32")("a real write error leaves the last checkpoint and no litter", async () => {
  const folder = path.join(work, "full");
  const earlier = { tensors: new Map([["w", fromTypedArray(Float32Array.of(1), [1])]]), state: { step: 1 } };
  await saveCheckpoint(folder, earlier);
  // The shell lowers the largest file size to 64 KiB, so that writing 2 MiB fails half way, as on a full disk.
  const command = 'ulimit -f 64 && exec "$0" "$@"';
  const saver = [path.join(work, "saver.mjs"), folder, "atomic", String(ELEMENTS)];
  const failed = await promisify(execFile)("bash", ["-c", command, process.execPath, ...saver]).catch((error) => error);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toMatch(
    /^OnestageError: .*checkpoint-00000002\.safetensors: cannot write \d+ bytes: the file would be too large \(EFBIG\)$/,
  );
  expect(await readdir(folder)).toEqual(["checkpoint-00000001.safetensors"]);
  expect((await loadCheckpoint(folder))?.state.step).toBe(1);
});
