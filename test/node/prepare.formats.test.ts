import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { decode } from "jpeg-js";
import { describe, expect, it } from "vitest";
import { Hdf5File } from "../../src/data/node/prepare/hdf5.ts";
import { decodeJpeg, readJpegHeader } from "../../src/data/node/prepare/jpeg.ts";
import { readMat5 } from "../../src/data/node/prepare/mat5.ts";
import { readNpy } from "../../src/data/node/prepare/npy.ts";
import { resizeArea, resizeNearest } from "../../src/data/node/prepare/resize.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import { mutate, randomIntegers } from "../fuzz/mutate.ts";
import { jpegFile, mat5File, npyFile, writeHdf5 } from "./prepare.fixtures.ts";

const gradient = (width: number, height: number) =>
  Uint8Array.from({ length: 3 * width * height }, (_, i) => (i % 3 === 0 ? 8 * (Math.floor(i / 3) % width) : 100));

/** What a reader says about bytes; anything but a FormatError that names the file fails. */
async function refusal(read: () => unknown): Promise<string> {
  try {
    await read();
  } catch (error) {
    if (error instanceof FormatError && error.message.startsWith("f: ")) return error.message;
    throw error;
  }
  return "accepted";
}

/** Every mutant is read or refused with a FormatError. @returns how many were refused */
async function tryMutants(seeds: Uint8Array[], count: number, read: (bytes: Uint8Array) => unknown): Promise<number> {
  const random = randomIntegers(9);
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const bytes = mutate(seeds, random);
    if ((await refusal(() => read(bytes))) !== "accepted") refused++;
  }
  return refused;
}

describe("JPEG", () => {
  it("is decoded to what was encoded, within the losses of quality 100", async () => {
    const pixels = gradient(20, 9);
    const { width, height, data } = await decodeJpeg(jpegFile(20, 9, pixels), "f");
    expect([width, height, data.length]).toEqual([20, 9, 540]);
    expect(Math.max(...data.map((value, i) => Math.abs(value - pixels[i])))).toBeLessThanOrEqual(3);
    // An independent decoder differs by rounding.
    const other = decode(jpegFile(20, 9, pixels), { useTArray: true, formatAsRGBA: false }).data;
    expect(Math.max(...data.map((value, i) => Math.abs(value - other[i])))).toBeLessThanOrEqual(2);
  });

  it("says its size before it is decoded", async () => {
    expect(readJpegHeader(jpegFile(20, 9, gradient(20, 9)), "f")).toEqual({ width: 20, height: 9, channels: 3 });
  });

  it("is refused where it declares too much, is cut short or is something else", async () => {
    const good = jpegFile(20, 9, gradient(20, 9));
    const frame = good.findIndex((byte, i) => byte === 0xff && good[i + 1] === 0xc0);
    const bomb = good.slice();
    bomb.set([0xff, 0xff, 0xff, 0xff], frame + 5);
    expect(await refusal(() => decodeJpeg(bomb, "f"))).toBe(
      "f: expected 1 to 16777216 pixels, got a declared size of 65535x65535",
    );
    const empty = good.slice();
    empty.set([0, 0], frame + 5);
    expect(await refusal(() => decodeJpeg(empty, "f"))).toMatch(/got a declared size of 20x0$/);
    for (const length of [2, 4, frame + 3, good.length - 1, good.length >> 1]) {
      expect(await refusal(() => decodeJpeg(good.subarray(0, length), "f"))).toMatch(
        /^f: expected .+(truncated|something else)/,
      );
    }
    expect(await refusal(() => decodeJpeg(new Uint8Array(50), "f"))).toMatch(/expected a JPEG file/);
    expect(await refusal(() => decodeJpeg(new Uint8Array(0), "f"))).toMatch(/expected a JPEG file/);
    const cmyk = good.slice();
    cmyk[frame + 9] = 4;
    expect(await refusal(() => decodeJpeg(cmyk, "f"))).toMatch(/8 bits, 4 channels$/);
    const arithmetic = good.slice();
    arithmetic[frame + 1] = 0xc9;
    expect(await refusal(() => decodeJpeg(arithmetic, "f"))).toMatch(/frame type 9/);
  });

  it("of endless scans is refused", async () => {
    const good = jpegFile(20, 9, gradient(20, 9));
    const scan = good.findIndex((byte, i) => byte === 0xff && good[i + 1] === 0xda);
    const scans = new Uint8Array(
      Buffer.concat([good.subarray(0, scan), ...new Array(101).fill(good.subarray(scan, -2)), good.subarray(-2)]),
    );
    expect(await refusal(() => readJpegHeader(scans, "f"))).toBe("f: expected at most 100 scans, got more");
  });

  it("2,000 mutants give pixels of the declared size or one FormatError", { timeout: 1e8 }, async () => {
    const seeds = [jpegFile(20, 9, gradient(20, 9))];
    const refused = await tryMutants(seeds, 2000, async (bytes) => {
      const { width, height, data } = await decodeJpeg(bytes, "f");
      expect(data.length).toBe(3 * width * height);
    });
    expect(refused).toBeGreaterThan(200);
  });
});

describe("NumPy", () => {
  it("reads every type, row by row", () => {
    const floats = new Uint8Array(Float32Array.of(0, 1.5, -2, 300, 0.25, 7).buffer);
    expect(readNpy(npyFile("<f4", "(2, 3)", floats), "f")).toEqual({
      width: 3,
      height: 2,
      data: Float64Array.of(0, 1.5, -2, 300, 0.25, 7),
      float: true,
    });
    // Half floats: 1, the smallest, -2, infinity, NaN, 65504. Source: IEEE 754, binary16.
    const halves = new Uint8Array(Uint16Array.of(0x3c00, 1, 0xc000, 0x7c00, 0x7e00, 0x7bff).buffer);
    const { data } = readNpy(npyFile("<f2", "(1, 6)", halves), "f");
    expect([...data]).toEqual([1, 2 ** -24, -2, Number.POSITIVE_INFINITY, Number.NaN, 65504]);
    expect(readNpy(npyFile("|u1", "(1, 2)", Uint8Array.of(3, 255)), "f")).toMatchObject({ float: false });
    expect([...readNpy(npyFile("<i4", "(1, 1)", new Uint8Array(Int32Array.of(-5).buffer)), "f").data]).toEqual([-5]);
  });

  it("reads columns one after another where the file has them so", () => {
    const { width, height, data } = readNpy(npyFile("|u1", "(2, 3)", Uint8Array.of(1, 2, 3, 4, 5, 6), "True"), "f");
    expect([width, height, [...data]]).toEqual([3, 2, [1, 3, 5, 2, 4, 6]]);
    const doubles = new Uint8Array(Float64Array.of(0.5, 37, 7, 0).buffer);
    expect([...readNpy(npyFile("<f8", "(2, 2)", doubles, "True"), "f").data]).toEqual([0.5, 7, 37, 0]);
    // Version 2 has a longer length before its header.
    const first = npyFile("|u1", "(1, 2)", Uint8Array.of(8, 9));
    const second = new Uint8Array(Buffer.concat([first.subarray(0, 10), Uint8Array.of(0, 0), first.subarray(10)]));
    second[6] = 2;
    expect([...readNpy(second, "f").data]).toEqual([8, 9]);
  });

  it("refuses what it cannot read, and a shape that the data do not fill", async () => {
    const bytes = new Uint8Array(4);
    expect(await refusal(() => readNpy(npyFile("<c8", "(2, 2)", bytes), "f"))).toMatch(
      /expected a map of two dimensions of/,
    );
    expect(await refusal(() => readNpy(npyFile("|O", "(2, 2)", bytes), "f"))).toMatch(
      /expected a map of two dimensions of/,
    );
    expect(await refusal(() => readNpy(npyFile("|u1", "(2, 2)", bytes, "Maybe"), "f"))).toMatch(
      /expected a map of two/,
    );
    expect(await refusal(() => readNpy(npyFile("|u1", "(4,)", bytes), "f"))).toMatch(
      /expected a map of two dimensions of/,
    );
    expect(await refusal(() => readNpy(npyFile("|u1", "(2, 3)", bytes), "f"))).toMatch(/expected 6 bytes .+, got 4$/);
    expect(await refusal(() => readNpy(npyFile("|u1", "(99999, 99999)", bytes), "f"))).toMatch(
      /expected 1 to \d+ pixels/,
    );
    expect(await refusal(() => readNpy(Uint8Array.of(1, 2, 3), "f"))).toMatch(/expected a NumPy file/);
    const refused = await tryMutants([npyFile("|u1", "(2, 2)", bytes)], 5000, (mutant) => readNpy(mutant, "f"));
    expect(refused).toBeGreaterThan(500);
  });
});

describe("HDF5", () => {
  it("400 mutants are read or give one FormatError, in words of the library", { timeout: 1e8 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "onestage-hdf5-"));
    const file = (name: string | number) => path.join(folder, `${name}.mat`);
    await writeHdf5(file("seed"), {
      images: { data: new Uint8Array(120).fill(7), shape: [5, 4, 3, 2], chunks: [2, 4, 3, 2] },
      depths: { data: new Float32Array(30), shape: [5, 3, 2] },
      numbers: { data: Float64Array.of(1, 2, 3), shape: [1, 3] },
    });
    const seed = new Uint8Array(readFileSync(file("seed")));
    // Most of so small a file is empty; what is not is hit far more often than by chance.
    const used = [...seed.keys()].filter((i) => i >= 512 && (seed[i] !== 0 || seed[i - 1] !== 0));
    const random = randomIntegers(4);
    const said: string[] = [];
    for (let i = 0; i < 400; i++) {
      const bytes = i % 2 === 0 ? mutate([seed], random) : seed.slice();
      for (let k = random(6); i % 2 === 1 && k >= 0; k--) bytes[used[random(used.length)]] ^= 1 << random(8);
      // The library takes a file of the same name for the same file.
      writeFileSync(file(i), bytes);
      try {
        const data = await Hdf5File.open(file(i));
        try {
          data.shape("images", { dtype: "<B", shape: [-1, 4, -1, -1] });
          expect(data.slice("images", 1)).toHaveLength(24);
          data.shape("depths", { dtype: "<f", shape: [-1, 3, 2] });
          data.slice("depths", 4);
          data.numbers("numbers");
        } finally {
          data.close();
        }
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        expect(error.message).toMatch(/^.+\.mat: .*expected .+, got .+$/);
        said.push(error.message);
      }
    }
    rmSync(folder, { recursive: true });
    expect(said.length).toBeGreaterThan(200);
    expect(said.filter((line) => /got ".+" from the HDF5 library$/.test(line)).length).toBeGreaterThan(100);
    expect(said.filter((line) => line.includes("HDF5-DIAG"))).toEqual([]);
  });
});

describe("MATLAB level 5", () => {
  const variables = {
    trainNdxs: [3, 5, 1449],
    mapClass: Uint16Array.of(40, 0, 7),
    short: Uint16Array.of(9),
    className: { cells: ["wall", "floor"] },
    classMapping13: { fields: { labels: [1, 2], names: { cells: ["bed"] } } },
  };
  const expected = new Map<string, unknown>([
    ["trainNdxs", [3, 5, 1449]],
    ["mapClass", [40, 0, 7]],
    ["short", [9]],
    ["className", { cells: ["wall", "floor"] }],
    [
      "classMapping13",
      {
        fields: new Map<string, unknown>([
          ["labels", [1, 2]],
          ["names", { cells: ["bed"] }],
        ]),
      },
    ],
  ]);

  it.each([false, true])("reads numbers, texts, cells and structs (compressed: %s)", (compressed) => {
    expect(readMat5(mat5File(variables, compressed), "f")).toEqual(expected);
  });

  it("refuses what inflates too far, is nested too deep, or is something else", async () => {
    const large = mat5File({ a: new Array(2 ** 20 + 1).fill(0) }, true);
    expect(await refusal(() => readMat5(large, "f"))).toMatch(/arrays of at most 1048576 elements/);
    const huge = mat5File({ a: new Array(2 ** 23).fill(0) }, true);
    expect(huge.length).toBeLessThan(2 ** 20);
    expect(await refusal(() => readMat5(huge, "f"))).toMatch(/expected intact data of at most 67108864 bytes/);
    let deep: { cells: [unknown] } | number[] = [1];
    for (let i = 0; i < 20; i++) deep = { cells: [deep] };
    expect(await refusal(() => readMat5(mat5File({ deep: deep as number[] }, false), "f"))).toMatch(
      /nested at most 8 deep/,
    );
    expect(await refusal(() => readMat5(new Uint8Array(200), "f"))).toMatch(/expected a little-endian MATLAB file/);
  });

  it("10,000 mutants are read or give one FormatError", { timeout: 1e8 }, async () => {
    const seeds = [mat5File(variables, false), mat5File(variables, true)];
    expect(await tryMutants(seeds, 10_000, (bytes) => readMat5(bytes, "f"))).toBeGreaterThan(1000);
  });
});

describe("resizing", () => {
  it("takes the mean over the area for colour", () => {
    const image = {
      width: 3,
      height: 2,
      data: Uint8Array.from([0, 30, 60, 90, 120, 150].flatMap((v) => [v, 0, 255 - v])),
    };
    expect([...resizeArea(image, { width: 1, height: 1 }).data]).toEqual([75, 0, 180]);
    // The first of two columns covers pixel 0 and half of pixel 1: (0 + 15 + 90 + 60) / 3.
    expect([...resizeArea(image, { width: 2, height: 1 }).data.slice(0, 3)]).toEqual([55, 0, 200]);
    expect(resizeArea(image, { width: 3, height: 2 })).toBe(image);
    const twice = resizeArea(image, { width: 6, height: 4 });
    expect([twice.data[0], twice.data[3], twice.data[6], twice.data[18 * 3]]).toEqual([0, 0, 30, 90]);
  });

  it("takes the pixel under the centre for maps, so that missing depth stays missing and nothing is mixed", () => {
    const depth = { width: 4, height: 2, data: Uint16Array.of(0, 5000, 0, 700, 0, 0, 900, 1000) };
    expect(resizeNearest(depth, { width: 2, height: 1 })).toEqual({
      width: 2,
      height: 1,
      data: Uint16Array.of(0, 1000),
    });
    const small = resizeNearest(depth, { width: 3, height: 5 });
    expect([...new Set(small.data)].every((value) => depth.data.includes(value))).toBe(true);
    expect(resizeNearest({ width: 1, height: 1, data: Uint8Array.of(255) }, { width: 2, height: 2 }).data).toEqual(
      new Uint8Array(4).fill(255),
    );
  });
});
