import fc from "fast-check";
import { decode, encode } from "fast-png";
import { describe, expect, it } from "vitest";
import { decodeGrey8, decodeGrey16, decodeRgb8, encodePng } from "../../src/data/png.ts";
import { FormatError } from "../../src/tensor/errors.ts";
import { chunk, ihdr, type PngSpec, pngFile, pngOf } from "./pngFile.ts";

const rgb2x2: PngSpec = {
  width: 2,
  height: 2,
  bits: 8,
  colour: 2,
  scanLines: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12),
};
const grey16: PngSpec = {
  width: 2,
  height: 1,
  bits: 16,
  colour: 0,
  scanLines: Uint8Array.of(0, 0x0b, 0xb8, 0xff, 0xff),
};
const grey8: PngSpec = { width: 3, height: 1, bits: 8, colour: 0, scanLines: Uint8Array.of(0, 0, 12, 255) };
const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return (error as Error).message;
  }
  return "nothing was thrown";
};

describe("PNG: what is read", () => {
  it("RGB", () => {
    const { width, height, data } = decodeRgb8(pngFile(rgb2x2), "f");
    expect([width, height, ...data]).toEqual([2, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it("RGBA without its alpha, grey and grey + alpha repeated", () => {
    const rgba = { width: 2, height: 1, bits: 8, colour: 6, scanLines: Uint8Array.of(0, 1, 2, 3, 99, 4, 5, 6, 0) };
    expect([...decodeRgb8(pngFile(rgba), "f").data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...decodeRgb8(pngFile(grey8), "f").data]).toEqual([0, 0, 0, 12, 12, 12, 255, 255, 255]);
    const greyAlpha = { width: 2, height: 1, bits: 8, colour: 4, scanLines: Uint8Array.of(0, 7, 99, 8, 0) };
    expect([...decodeRgb8(pngFile(greyAlpha), "f").data]).toEqual([7, 7, 7, 8, 8, 8]);
  });

  it("palettes of 8 and of 2 bits, and the bare indices as labels", () => {
    const palette = [9, 8, 7, 6, 5, 4, 3, 2, 1];
    const eight = { width: 3, height: 1, bits: 8, colour: 3, palette, scanLines: Uint8Array.of(0, 2, 0, 1) };
    expect([...decodeRgb8(pngFile(eight), "f").data]).toEqual([3, 2, 1, 9, 8, 7, 6, 5, 4]);
    expect([...decodeGrey8(pngFile(eight), "f").data]).toEqual([2, 0, 1]);
    const two = { ...eight, bits: 2, scanLines: Uint8Array.of(0, 0b10000100) };
    expect([...decodeRgb8(pngFile(two), "f").data]).toEqual([3, 2, 1, 9, 8, 7, 6, 5, 4]);
  });

  it("16-bit depth, high byte first", () => {
    expect(decodeGrey16(pngFile(grey16), "f").data).toEqual(Uint16Array.of(3000, 65535));
  });

  it("all five filters", () => {
    // None, sub, up, average and Paeth, one row each; the pixels were worked out by hand from the specification.
    const scanLines = Uint8Array.of(0, 1, 2, 3, 4, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 3, 1, 1, 1, 1, 4, 0, 1, 1, 1);
    const { data } = decodeGrey8(pngFile({ width: 4, height: 5, bits: 8, colour: 0, scanLines }), "f");
    expect([...data]).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 3, 4, 5]);
  });

  it("interlaced images of awkward sizes", () => {
    for (const [width, height] of [
      [1, 1],
      [3, 5],
      [8, 8],
      [9, 2],
      [1, 7],
    ]) {
      const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37) % 251);
      const bytes = encode({ width, height, data, channels: 3, depth: 8 }, { interlace: "Adam7" });
      expect(decodeRgb8(bytes, "f").data, `${width}x${height}`).toEqual(data);
    }
  });

  it("image data in several chunks, other chunks beside it, bytes after the end, and a Node buffer at an odd offset", () => {
    const whole = pngFile(rgb2x2);
    const data = whole.subarray(8 + 25 + 8, whole.length - 12 - 4);
    const pieces = [...data].map((byte) => chunk("IDAT", [byte]));
    const text = chunk("tEXt", new TextEncoder().encode("a\0b"));
    const bytes = pngOf(ihdr(rgb2x2), text, ...pieces, text, chunk("IEND"), Uint8Array.of(1, 2, 3));
    const shifted = Buffer.concat([Uint8Array.of(0), bytes]).subarray(1);
    expect([...decodeRgb8(shifted, "f").data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it("what it encoded itself (property)", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }));
    const images = sizes.chain(([width, height]) => {
      const length = { minLength: width * height, maxLength: width * height };
      const rgb = fc.uint8Array({ minLength: 3 * length.minLength, maxLength: 3 * length.maxLength });
      return fc.record({ width: fc.constant(width), height: fc.constant(height), rgb, depth: fc.uint16Array(length) });
    });
    fc.assert(
      fc.property(images, ({ width, height, rgb, depth }) => {
        expect(decodeRgb8(encodePng({ width, height, data: rgb }), "f")).toEqual({ width, height, data: rgb });
        expect(decodeGrey16(encodePng({ width, height, data: depth }), "f")).toEqual({ width, height, data: depth });
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe("PNG: what is refused, in one sentence", () => {
  const cases: [string, () => unknown, RegExp][] = [
    ["an empty file", () => decodeRgb8(new Uint8Array(0), "f"), /^f: expected a PNG file, got an empty file$/],
    [
      "a JPEG",
      () => decodeRgb8(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "f"),
      /^f: expected a PNG file, got a JPEG file$/,
    ],
    ["text", () => decodeRgb8(new TextEncoder().encode("hello"), "f"), /begins with bytes 68 65 6c 6c 6f$/],
    [
      "8-bit depth",
      () => decodeGrey16(pngFile(grey8), "f"),
      /^f: expected a 16-bit grey PNG \(millimetres\), got 8-bit grey$/,
    ],
    ["colour as depth", () => decodeGrey16(pngFile(rgb2x2), "f"), /got 8-bit RGB$/],
    ["depth as colour", () => decodeRgb8(pngFile(grey16), "f"), /^f: expected an 8-bit RGB PNG, got 16-bit grey$/],
    ["colour as label", () => decodeGrey8(pngFile(rgb2x2), "f"), /class indices\), got 8-bit RGB$/],
    ["16-bit label", () => decodeGrey8(pngFile(grey16), "f"), /class indices\), got 16-bit grey$/],
    ["1-bit grey", () => decodeRgb8(pngFile({ ...grey8, bits: 1 }), "f"), /got 1-bit grey$/],
    ["unknown colour type", () => decodeRgb8(pngFile({ ...rgb2x2, colour: 5 }), "f"), /colour type 5/],
    ["colour type __proto__", () => decodeRgb8(pngFile({ ...rgb2x2, colour: 255 }), "f"), /colour type 255/],
    ["unknown bit depth", () => decodeRgb8(pngFile({ ...rgb2x2, bits: 3 }), "f"), /bit depth 3/],
    ["unknown interlace", () => decodeRgb8(pngFile({ ...rgb2x2, interlace: 2 }), "f"), /methods 0 0 2/],
    ["no pixels", () => decodeRgb8(pngFile({ ...rgb2x2, width: 0 }), "f"), /1 to 16777216 pixels, got .* 0x2$/],
    ["no IHDR", () => decodeRgb8(pngOf(chunk("IDAT", new Uint8Array(30)), chunk("IEND")), "f"), /begins with its IHDR/],
    ["a second IHDR", () => decodeRgb8(pngOf(ihdr(rgb2x2), ihdr(rgb2x2), chunk("IEND")), "f"), /one IHDR chunk/],
    ["no image data", () => decodeRgb8(pngOf(ihdr(rgb2x2), chunk("IEND")), "f"), /zlib stream/],
    ["no IEND", () => decodeRgb8(pngFile(rgb2x2).subarray(0, -12), "f"), /ends with its IEND chunk, got .*truncated/],
    [
      "chunk beyond the end",
      () => decodeRgb8(pngOf(ihdr(rgb2x2), chunk("IDAT", [1], 2 ** 32 - 1)), "f"),
      /4294967295 bytes in chunk IDAT/,
    ],
    ["unknown critical chunk", () => decodeRgb8(pngOf(ihdr(rgb2x2), chunk("ABCD"), chunk("IEND")), "f"), /got ABCD$/],
    [
      "control characters as type",
      () => decodeRgb8(pngOf(ihdr(rgb2x2), chunk("A\n\0\x1b"), chunk("IEND")), "f"),
      /got A\?\?\?$/,
    ],
    [
      "scattered image data",
      () => decodeRgb8(pngOf(ihdr(rgb2x2), chunk("IDAT"), chunk("tEXt"), chunk("IDAT"), chunk("IEND")), "f"),
      /consecutive chunks, got an IDAT chunk after tEXt$/,
    ],
    ["palette image without a palette", () => decodeRgb8(pngFile({ ...grey8, colour: 3 }), "f"), /expected a palette/],
    [
      "palette of 2 bytes",
      () => decodeRgb8(pngFile({ ...grey8, colour: 3, palette: [1, 2] }), "f"),
      /got a 2-byte palette/,
    ],
    [
      "palette of 257 colours",
      () => decodeRgb8(pngFile({ ...grey8, colour: 3, palette: new Uint8Array(771) }), "f"),
      /771-byte palette/,
    ],
    [
      "index outside the palette",
      () => decodeRgb8(pngFile({ ...grey8, colour: 3, palette: [1, 2, 3] }), "f"),
      /intact image data/,
    ],
    [
      "unknown filter",
      () => decodeRgb8(pngFile({ ...rgb2x2, scanLines: rgb2x2.scanLines!.with(0, 5) }), "f"),
      /intact image data, got Unsupported filter: 5/,
    ],
    ["too little data", () => decodeRgb8(pngFile({ ...rgb2x2, height: 3 }), "f"), /inflate to 21 bytes, .* only 14$/],
    ["too much data", () => decodeRgb8(pngFile({ ...rgb2x2, height: 1 }), "f"), /inflate to 7 bytes, .* got more$/],
  ];
  it.each(cases)("%s", (_, run, says) => {
    expect(message(run)).toMatch(says);
  });

  it("every truncation", () => {
    const bytes = pngFile(rgb2x2);
    for (let length = 0; length < bytes.length; length++) {
      expect(
        message(() => decodeRgb8(bytes.subarray(0, length), "broken.png")),
        `${length}`,
      ).toMatch(/^broken\.png: /);
    }
  });

  it("every single flipped bit", () => {
    const bytes = pngFile(rgb2x2);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      expect(
        message(() => decodeRgb8(flipped, "f")),
        `bit ${bit}`,
      ).toMatch(/^f: expected/);
    }
  });

  it("control: without the guard, bits flipped after the header pass", () => {
    const bytes = pngFile(rgb2x2);
    let passed = 0;
    for (let bit = 33 * 8; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] ^= 1 << (bit & 7);
      try {
        decode(flipped);
        passed++;
      } catch {}
    }
    expect(passed).toBeGreaterThan(50);
  });
});
