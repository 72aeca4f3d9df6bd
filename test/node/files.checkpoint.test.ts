import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeFileAtomic } from "../../src/data/node/atomic.ts";
import { type Checkpoint, loadCheckpoint, readCheckpoint, saveCheckpoint } from "../../src/data/node/checkpoint.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/data/safetensors.ts";
import { fromTypedArray, toTypedArray } from "../../src/data/typedArrays.ts";
import { FormatError, OnestageError, ShapeError } from "../../src/tensor/errors.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "onestage-checkpoint-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const at = (step: number): Checkpoint => ({
  tensors: new Map([
    ["conv1.weight", fromTypedArray(Float32Array.of(step, 0.1, Number.NaN, -0), [2, 2])],
    ["rng", fromTypedArray(Uint32Array.of(1, 2 ** 32 - 1), [2])],
    ["steps", fromTypedArray(BigInt64Array.of(-5n), [])],
  ]),
  state: { step, epoch: 3, stage: "teacher", best: { accuracy: 0.1 + 0.2, names: ["é", null, true] } },
});

/** Makes the next call of a file handle's method fail as a full disk makes it fail. */
async function failNext(method: "writeFile" | "sync", code: string): Promise<void> {
  const handle = await open(folder, "r");
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  vi.spyOn(prototype, method).mockRejectedValueOnce(Object.assign(new Error(code), { code }));
}

describe("writeFileAtomic", () => {
  it("writes and replaces, and leaves nothing else", async () => {
    const file = path.join(folder, "a.bin");
    await writeFileAtomic(file, Uint8Array.of(1, 2));
    await writeFileAtomic(file, Uint8Array.of(3));
    expect([...(await readFile(file))]).toEqual([3]);
    expect(await readdir(folder)).toEqual(["a.bin"]);
  });

  it.each([
    ["writeFile", "ENOSPC", "the disk is full (ENOSPC)"],
    ["writeFile", "EDQUOT", "the disk quota is used up (EDQUOT)"],
    ["sync", "EIO", "EIO"],
  ] as const)("keeps the old content when %s fails with %s", async (method, code, reason) => {
    const file = path.join(folder, "a.bin");
    await writeFileAtomic(file, Uint8Array.of(1, 2));
    await failNext(method, code);
    const error = await writeFileAtomic(file, new Uint8Array(9)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OnestageError);
    expect((error as Error).message).toBe(`${file}: cannot write 9 bytes: ${reason}`);
    expect([...(await readFile(file))]).toEqual([1, 2]);
    expect(await readdir(folder)).toEqual(["a.bin"]);
  });

  it("says why a place cannot be written", async () => {
    const nowhere = path.join(folder, "none", "a.bin");
    await expect(writeFileAtomic(nowhere, new Uint8Array(1))).rejects.toThrow(/no such file or folder \(ENOENT\)$/);
    await writeFile(path.join(folder, "file"), "");
    await expect(writeFileAtomic(path.join(folder, "file/a.bin"), new Uint8Array(1))).rejects.toThrow(/\(ENOTDIR\)$/);
    await mkdir(path.join(folder, "taken"));
    await expect(writeFileAtomic(path.join(folder, "taken"), new Uint8Array(1))).rejects.toThrow(
      /it is a folder \(EISDIR\)$/,
    );
    expect(await readdir(folder)).toEqual(["file", "taken"]);
  });
});

describe("checkpoints", () => {
  it("come back as they were, to the bit", async () => {
    const file = await saveCheckpoint(folder, at(7));
    expect(path.basename(file)).toBe("checkpoint-00000007.safetensors");
    const loaded = (await loadCheckpoint(folder))!;
    expect(loaded).toMatchObject({ file, damaged: [], state: at(7).state });
    expect([...loaded.tensors.keys()].sort()).toEqual([...at(7).tensors.keys()].sort());
    for (const [name, { dtype, shape, data }] of at(7).tensors) {
      expect(loaded.tensors.get(name)).toMatchObject({ dtype, shape });
      expect([...loaded.tensors.get(name)!.data]).toEqual([...data]);
    }
    expect(toTypedArray(loaded.tensors.get("steps")!, file)).toEqual(BigInt64Array.of(-5n));
  });

  it("are plain safetensors files, with the same bytes for the same content", async () => {
    const file = await saveCheckpoint(folder, at(7));
    const bytes = await readFile(file);
    expect(parseSafetensors(bytes, file).tensors.get("conv1.weight")).toMatchObject({ dtype: "F32", shape: [2, 2] });
    await saveCheckpoint(folder, at(7));
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });

  it("hold the moment of the call, though the caller goes on at once", async () => {
    const weight = new Float32Array(1000).fill(1);
    const saving = saveCheckpoint(folder, {
      tensors: new Map([["w", fromTypedArray(weight, [1000])]]),
      state: { step: 1 },
    });
    weight.fill(2);
    await saving;
    const loaded = (await loadCheckpoint(folder))!;
    expect((toTypedArray(loaded.tensors.get("w")!, "") as Float32Array).every((value) => value === 1)).toBe(true);
  });

  it("are kept two at a time, or as many as asked", async () => {
    for (const step of [1, 2, 3, 10]) await saveCheckpoint(path.join(folder, "two"), at(step));
    expect(await readdir(path.join(folder, "two"))).toEqual(
      [3, 10].map((n) => `checkpoint-${String(n).padStart(8, "0")}.safetensors`),
    );
    for (const step of [1, 2, 3, 4]) await saveCheckpoint(path.join(folder, "three"), at(step), 3);
    expect(await readdir(path.join(folder, "three"))).toHaveLength(3);
  });

  it("clear away what a killed process left, and only that", async () => {
    await writeFile(path.join(folder, ".checkpoint-00000001.safetensors.0123456789ab.tmp"), "torn");
    await writeFile(path.join(folder, "notes.txt"), "mine");
    await saveCheckpoint(folder, at(1));
    expect(await readdir(folder)).toEqual(["checkpoint-00000001.safetensors", "notes.txt"]);
  });

  it("that are later than the one just saved belong to a course that was given up", async () => {
    for (const step of [10, 20]) await saveCheckpoint(folder, at(step));
    await saveCheckpoint(folder, at(15));
    expect((await loadCheckpoint(folder))?.state.step).toBe(15);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it("of an absent or empty folder are none", async () => {
    expect(await loadCheckpoint(folder)).toBeUndefined();
    expect(await loadCheckpoint(path.join(folder, "none"))).toBeUndefined();
  });

  it("that are damaged are passed over, with a message", async () => {
    await saveCheckpoint(folder, at(1));
    const file = await saveCheckpoint(folder, at(2));
    const bytes = await readFile(file);
    bytes[bytes.length - 1] ^= 1;
    await writeFile(file, bytes);
    const loaded = (await loadCheckpoint(folder))!;
    expect(loaded.state.step).toBe(1);
    expect(loaded.damaged).toEqual([
      `${file}: expected a checkpoint whose content matches its hash, got a damaged one`,
    ]);
  });

  it("that are all damaged are one error", async () => {
    for (const step of [1, 2]) await writeFile(await saveCheckpoint(folder, at(step)), "");
    const error = await loadCheckpoint(folder).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(
      /expected at least one intact checkpoint, got 2 damaged: .*00000002.*; .*00000001/,
    );
  });

  it("notice every single flipped bit, every truncation, and an exchanged file", async () => {
    const file = await saveCheckpoint(folder, {
      tensors: new Map([["w", fromTypedArray(Float32Array.of(1, 2), [2])]]),
      state: { step: 1 },
    });
    const bytes = await readFile(file);
    for (let bit = 0; bit < bytes.length * 8; bit += 3) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] ^= 1 << (bit & 7);
      await writeFile(file, damaged);
      await expect(readCheckpoint(file), `bit ${bit}`).rejects.toThrow(FormatError);
    }
    for (let length = 0; length < bytes.length; length += 7) {
      await writeFile(file, bytes.subarray(0, length));
      await expect(readCheckpoint(file), `length ${length}`).rejects.toThrow(FormatError);
    }
    await writeFile(file, serializeSafetensors(at(1).tensors));
    await expect(readCheckpoint(file)).rejects.toThrow(
      /expected a checkpoint \(onestage-checkpoint-1\), got format undefined$/,
    );
    await writeFile(file, bytes);
    expect((await readCheckpoint(file)).state).toEqual({ step: 1 });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, 5n, new Map(), new Float32Array(2), () => 1])(
    "refuse state that JSON would change: %s",
    async (value) => {
      const saving = saveCheckpoint(folder, { tensors: new Map(), state: { step: 1, deep: [{ value }] } });
      await expect(saving).rejects.toThrow(ShapeError);
      await expect(saving).rejects.toThrow(/a JSON value for state key "value"/);
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("refuse step %s", async (step) => {
    await expect(saveCheckpoint(folder, { tensors: new Map(), state: { step } })).rejects.toThrow(/state\.step/);
  });

  it("refuse a folder in place of the file, and a file in place of the folder", async () => {
    await mkdir(path.join(folder, "checkpoint-00000001.safetensors"));
    await expect(loadCheckpoint(folder)).rejects.toThrow(/1 damaged: .*expected a regular file, got a folder/);
    const file = path.join(folder, "file");
    await writeFile(file, "");
    await expect(saveCheckpoint(file, at(1))).rejects.toThrow(
      /file: cannot create the folder: it exists already \(EEXIST\)$/,
    );
    expect((await stat(file)).isFile()).toBe(true);
  });

  it("do not lose the earlier one when the disk is full", async () => {
    await saveCheckpoint(folder, at(1));
    await failNext("writeFile", "ENOSPC");
    await expect(saveCheckpoint(folder, at(2))).rejects.toThrow(
      /00000002\.safetensors: cannot write \d+ bytes: the disk is full \(ENOSPC\)$/,
    );
    expect((await loadCheckpoint(folder))?.state.step).toBe(1);
  });
});
