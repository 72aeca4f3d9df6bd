import { expect, it } from "vitest";
import { decodeGrey8, decodeGrey16, decodeRgb8, encodePng } from "../../src/data/png.ts";
import { chunk, pngFile, pngOf } from "../data/pngFile.ts";
import { describeFuzz, fuzz, MUTANTS, mutate, randomIntegers } from "./mutate.ts";

const COUNT = Math.ceil(MUTANTS / 5);

const ramp = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) % 256);
const scanLines = (bytesPerRow: number, rows: number) => {
  const lines = ramp((bytesPerRow + 1) * rows);
  for (let y = 0; y < rows; y++) lines[y * (bytesPerRow + 1)] = y % 5;
  return lines;
};
const seeds = [
  encodePng({ width: 8, height: 8, data: ramp(192) }),
  encodePng({ width: 5, height: 4, data: new Uint16Array(20) }),
  pngFile({ width: 6, height: 6, bits: 8, colour: 0, scanLines: scanLines(6, 6) }),
  pngFile({ width: 6, height: 6, bits: 8, colour: 6, scanLines: scanLines(24, 6) }),
  pngFile({ width: 7, height: 5, bits: 4, colour: 3, palette: ramp(48), scanLines: scanLines(4, 5) }),
  pngFile({ width: 5, height: 3, bits: 8, colour: 3, palette: ramp(768), scanLines: scanLines(5, 3) }),
  pngFile({ width: 1, height: 1, bits: 8, colour: 2, interlace: 1, scanLines: scanLines(3, 1) }),
];

/**
 * Half of the mutants are damaged anywhere, which a checksum mostly catches; the other half has damaged chunk contents
 * under right checksums, so that the damage reaches what lies behind them.
 */
function mutants(seed: number): () => Uint8Array {
  const random = randomIntegers(seed);
  return () => {
    if (random(2) === 0) return mutate(seeds, random);
    const chunks = splitChunks(seeds[random(seeds.length)]);
    const damaged = random(chunks.length);
    if (random(8) === 0) chunks.splice(damaged, random(2), chunks[random(chunks.length)]);
    return pngOf(
      ...chunks.map(({ type, content }, i) => {
        if (i !== damaged || content.length === 0) return chunk(type, content);
        // Sizes stay small here: a large declared size is the subject of the bombs.
        const keep = type === "IHDR" ? [...content.subarray(0, 3), content[3] % 16, 0, 0, 0, content[7] % 16] : [];
        const changed = mutate([content], random);
        changed.set(keep.slice(0, changed.length));
        return chunk(type, changed);
      }),
    );
  };
}

function splitChunks(png: Uint8Array): { type: string; content: Uint8Array }[] {
  const chunks: { type: string; content: Uint8Array }[] = [];
  const view = new DataView(png.buffer, png.byteOffset);
  for (let at = 8; at < png.length; ) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    chunks.push({ type, content: png.slice(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

it(`PNG: ${COUNT} mutants`, { timeout: 1e8 }, () => {
  const decoders = [decodeRgb8, decodeGrey16, decodeGrey8];
  const random = randomIntegers(3);
  const result = fuzz(COUNT, mutants(2), (bytes) => {
    const kind = random(6) % 3;
    const { width, height, data } = decoders[kind](bytes, "f");
    expect(data.length).toBe(width * height * (kind === 0 ? 3 : 1));
  });
  console.log(describeFuzz("PNG", result));
  expect(result.foreign).toEqual([]);
  expect(result.slowestMs).toBeLessThan(1000);
  expect(result.accepted).toBeGreaterThan(COUNT / 200);
  expect(result.refused).toBeGreaterThan(COUNT / 2);
});
