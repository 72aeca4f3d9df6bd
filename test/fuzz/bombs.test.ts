import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { deflateRawSync, deflateSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../../src/data/png.ts";
import { chunk, ihdr, type PngSpec, pngFile, pngOf } from "../data/pngFile.ts";
import { bundleChild } from "../node/childBundle.ts";

// Growth of the resident set that decoding any of these files may cost, in MiB.
const MOST_GROWTH_MIB = 96;
const MIB = 2 ** 20;
/** 300 MiB of zeros in 300 KB; made once. */
const bomb = deflateSync(Buffer.alloc(300 * MIB), { level: 9 });
const tiny: PngSpec = { width: 8, height: 8, bits: 8, colour: 2, compressed: bomb };
const honest = deflateSync(new Uint8Array(8 * 25));
const size = (width: number, height: number, compressed: Uint8Array = honest) =>
  pngFile({ width, height, bits: 8, colour: 2, compressed });
const image = (...extra: Uint8Array[]) => pngOf(ihdr(tiny), ...extra, chunk("IDAT", honest), chunk("IEND"));
const text = (value: string) => new TextEncoder().encode(value);
const cut = (bytes: Uint8Array, step: number) => {
  const count = Math.ceil(bytes.length / step);
  const chunks = Array.from({ length: count }, (_, i) => chunk("IDAT", bytes.subarray(i * step, (i + 1) * step)));
  return new Uint8Array(Buffer.concat(chunks));
};
const frame = chunk("fcTL", [0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0]);

const refused = /^FormatError: bomb\.png: expected /;
const bombs: Record<string, { bytes: Uint8Array; outcome: RegExp }> = {
  "8x8 RGB, 300 MiB inside": { bytes: pngFile(tiny), outcome: /inflate to 200 bytes/ },
  "8x8 RGBA": { bytes: pngFile({ ...tiny, colour: 6 }), outcome: /inflate to 264 bytes/ },
  "8x8 grey": { bytes: pngFile({ ...tiny, colour: 0 }), outcome: /inflate to 72 bytes/ },
  "8x8 palette": { bytes: pngFile({ ...tiny, colour: 3, palette: [1, 2, 3] }), outcome: /inflate to 72 bytes/ },
  "8x8 palette of 1 bit": {
    bytes: pngFile({ ...tiny, colour: 3, bits: 1, palette: [1, 2, 3] }),
    outcome: /to 16 bytes/,
  },
  "8x8 interlaced": { bytes: pngFile({ ...tiny, interlace: 1 }), outcome: /inflate to 207 bytes/ },
  "16-bit as colour": { bytes: pngFile({ ...tiny, bits: 16 }), outcome: /got 16-bit RGB/ },
  "the data in chunks of 1 KB": {
    bytes: pngOf(ihdr(tiny), cut(bomb, 1024), chunk("IEND")),
    outcome: /inflate to 200/,
  },
  "the data in chunks of 8 bytes": {
    bytes: pngOf(ihdr(tiny), cut(bomb, 8), chunk("IEND")),
    outcome: /inflate to 200/,
  },
  "a million empty chunks": {
    bytes: pngOf(ihdr(tiny), new Uint8Array(Buffer.alloc(12e6, chunk("IDAT"))), chunk("IDAT", honest), chunk("IEND")),
    outcome: /at most 65536 chunks/,
  },
  "65,000 empty chunks": {
    bytes: pngOf(
      ihdr(tiny),
      new Uint8Array(Buffer.alloc(780_000, chunk("IDAT"))),
      chunk("IDAT", honest),
      chunk("IEND"),
    ),
    outcome: /^decoded$/,
  },
  "right data first, bomb after it": {
    bytes: pngFile({ ...tiny, compressed: Buffer.concat([honest.subarray(0, -4), bomb]) }),
    outcome: /^decoded$|inflate to 200/,
  },
  "4 GiB of pixels declared": {
    bytes: size(2 ** 31 - 1, 2 ** 31 - 1),
    outcome: /a declared size of 2147483647x2147483647/,
  },
  "width x height overflows 2^32 to 0": { bytes: size(2 ** 16, 2 ** 16), outcome: /a declared size of 65536x65536/ },
  "one row too wide": { bytes: size(2 ** 24 + 1, 1), outcome: /a declared size/ },
  "one column too high": { bytes: size(1, 2 ** 24 + 1), outcome: /a declared size/ },
  "the largest size allowed, no data": { bytes: size(4096, 4096), outcome: /inflate to 50335744 bytes/ },
  "a colour profile": { bytes: image(chunk("iCCP", [...text("icc"), 0, 0, ...bomb])), outcome: /^decoded$/ },
  "a compressed text": { bytes: image(chunk("zTXt", [...text("a"), 0, 0, ...bomb])), outcome: /^decoded$/ },
  "an international text": {
    bytes: image(chunk("iTXt", [...text("a"), 0, 1, 0, 0, 0, ...bomb])),
    outcome: /^decoded$/,
  },
  "an animation frame": {
    bytes: pngOf(
      ihdr(tiny),
      chunk("acTL", [0, 0, 0, 1, 0, 0, 0, 0]),
      chunk("IDAT", honest),
      frame,
      chunk("fdAT", [0, 0, 0, 1, ...bomb]),
      chunk("IEND"),
    ),
    outcome: /^decoded$/,
  },
  "a second image after the end": {
    bytes: new Uint8Array(Buffer.concat([image(), pngFile(tiny)])),
    outcome: /^decoded$/,
  },
  "a chunk that states 4 GiB": {
    bytes: pngOf(ihdr(tiny), chunk("IDAT", honest, 2 ** 32 - 1)),
    outcome: /4294967295 bytes in chunk/,
  },
  "blocks without end": { bytes: pngFile({ ...tiny, compressed: unending(200_000) }), outcome: /zlib stream/ },
  "raw deflate without the zlib frame": {
    bytes: pngFile({ ...tiny, compressed: deflateRawSync(Buffer.alloc(50 * MIB)) }),
    outcome: /zlib stream/,
  },
  "a bomb inside a bomb": { bytes: pngFile({ ...tiny, compressed: deflateSync(bomb) }), outcome: /inflate to 200/ },
};

/** A zlib stream of empty stored blocks, none of which is the last. */
function unending(blocks: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.alloc(2 + 5 * blocks, Uint8Array.of(0, 0, 0, 0xff, 0xff)));
  bytes.copyWithin(2, 0, bytes.length - 2);
  bytes.set([0x78, 0x01]);
  return bytes;
}

describe(`PNG: ${Object.keys(bombs).length} decompression bombs`, { timeout: 120_000 }, () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "onestage-bombs-"));
    await bundleChild(new URL("./bombs.child.ts", import.meta.url), path.join(folder, "child.mjs"));
    await writeFile(path.join(folder, "small.png"), encodePng({ width: 8, height: 8, data: new Uint8Array(192) }));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function decodeInChild(bytes: Uint8Array, kind: "guarded" | "bare") {
    const file = path.join(folder, "bomb.png");
    await writeFile(file, bytes);
    const child = path.join(folder, "child.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [child, file, kind, path.join(folder, "small.png")]);
    return JSON.parse(stdout) as { outcome: string; cpuMs: number; growthMiB: number };
  }

  it("has at least the promised 20", () => {
    expect(Object.keys(bombs).length).toBeGreaterThanOrEqual(20);
  });

  it.each(Object.entries(bombs))("%s", async (_, { bytes, outcome: expected }) => {
    const { outcome, cpuMs, growthMiB } = await decodeInChild(bytes, "guarded");
    expect(outcome).toMatch(expected);
    if (outcome !== "decoded") expect(outcome).toMatch(refused);
    expect(cpuMs).toBeLessThan(1000);
    // The largest image allowed has 48 MiB of scan lines; twice that is the most that anything may take.
    expect(growthMiB).toBeLessThan(MOST_GROWTH_MIB);
  });

  it("control: the decoder without the guard takes all that the bomb holds", async () => {
    const { growthMiB } = await decodeInChild(pngFile(tiny), "bare");
    // What the guarded decoder passes the bare one must fail.
    expect(growthMiB).toBeGreaterThan(MOST_GROWTH_MIB);
  });
});
