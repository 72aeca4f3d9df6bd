import fc from "fast-check";
import { encode } from "jpeg-js";
import { expect, it } from "vitest";
import { declaredSize } from "../../src/data/imageSize.ts";
import { encodePng } from "../../src/data/png.ts";

const text = (letters: string) => [...letters].map((letter) => letter.charCodeAt(0));
const u16 = (value: number) => [value & 255, value >> 8];
const webp = (kind: string, ...rest: number[]) =>
  Uint8Array.from([...text("RIFF"), 0, 0, 0, 0, ...text(`WEBP${kind}`), 0, 0, 0, 0, ...rest, ...new Array(12).fill(0)]);

const files: Record<string, Uint8Array> = {
  PNG: encodePng({ width: 300, height: 7, data: new Uint8Array(300 * 7 * 3) }),
  JPEG: encode({ width: 300, height: 7, data: new Uint8Array(300 * 7 * 4) }, 80).data,
  GIF: Uint8Array.from([...text("GIF89a"), ...u16(300), ...u16(7), 0, 0, 0]),
  "lossy WebP": webp("VP8 ", 0, 0, 0, 0x9d, 0x01, 0x2a, ...u16(300), ...u16(7)),
  "lossless WebP": webp("VP8L", 0x2f, ...u16((299 | (6 << 14)) & 0xffff), ...u16((6 << 14) >> 16)),
  "extended WebP": webp("VP8X", 0, 0, 0, 0, ...u16(299), 0, ...u16(6), 0),
};

it.each(Object.entries(files))("reads what a %s declares, from its start alone", (_, bytes) => {
  expect(declaredSize(bytes)).toEqual({ width: 300, height: 7 });
  expect(declaredSize(bytes.slice(0, 700))).toEqual({ width: 300, height: 7 });
});

it("finds the frame of a JPEG behind other segments and fill bytes", () => {
  const jpeg = files.JPEG!;
  const thumbnail = [0xff, 0xe1, 0x10, 0x00, ...new Array(0x0ffe).fill(0xc0), 0xff, 0xff];
  const bytes = Uint8Array.from([...jpeg.slice(0, 2), ...thumbnail, ...jpeg.slice(2)]);
  expect(declaredSize(bytes)).toEqual({ width: 300, height: 7 });
});

it("finds nothing where there is nothing, in any bytes", () => {
  for (const bytes of [[], text("<svg width='9'/>"), [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xc4, 0, 0]]) {
    expect(declaredSize(Uint8Array.from(bytes))).toBeNull();
  }
  const starts = [[], ...Object.values(files).map((bytes) => [...bytes.slice(0, 16)])];
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 64 }), (start, rest) => {
      const found = declaredSize(Uint8Array.from([...start, ...rest]));
      expect(found === null || (found.width >= 0 && found.height >= 0)).toBe(true);
    }),
  );
});
