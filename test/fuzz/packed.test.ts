import { expect, it } from "vitest";
import { parsePackedIndex } from "../../src/data/packedIndex.ts";
import { parseShard, serializeShard } from "../../src/data/packedShard.ts";
import { kind, packedFiles, samplesOf } from "../data/packedFixture.ts";
import { describeFuzz, fuzz, MUTANTS, mutate, randomIntegers } from "./mutate.ts";

const COUNT = Math.ceil(MUTANTS / 5);

it(`packed index: ${COUNT} mutants`, { timeout: 1e8 }, async () => {
  const seed = (await packedFiles()).get("index.json")!;
  const random = randomIntegers(6);
  const result = fuzz(
    COUNT,
    () => mutate([seed], random),
    (bytes) => {
      const { splits } = parsePackedIndex(new TextDecoder().decode(bytes), "f");
      for (const [split, { count, shards }] of Object.entries(splits)) {
        expect(shards.reduce((sum, shard) => sum + shard.count, 0)).toBe(count);
        for (const { file } of shards) expect(file).toMatch(new RegExp(`^${split}-\\d+\\.safetensors$`));
      }
    },
  );
  console.log(describeFuzz("packed index", result));
  expect(result.foreign).toEqual([]);
  expect(result.slowestMs).toBeLessThan(1000);
  expect(result.accepted).toBeGreaterThan(COUNT / 200);
  expect(result.refused).toBeGreaterThan(COUNT / 5);
});

it(`shards: ${COUNT} mutants`, { timeout: 1e8 }, async () => {
  const seed = await serializeShard(kind, samplesOf("train", 2));
  const random = randomIntegers(7);
  const result = fuzz(
    COUNT,
    () => mutate([seed], random),
    (bytes) => {
      const { samples } = parseShard(bytes, kind, 2, "f");
      expect(samples.map(({ rgb, depth }) => [rgb.length, depth.length])).toEqual([
        [45, 15],
        [45, 15],
      ]);
      for (const { label, target } of samples) {
        expect(label!.every((value) => value < 3 || value === 255) && target! < 2).toBe(true);
      }
    },
  );
  console.log(describeFuzz("shards", result));
  expect(result.foreign).toEqual([]);
  expect(result.slowestMs).toBeLessThan(1000);
  expect(result.accepted).toBeGreaterThan(COUNT / 200);
  expect(result.refused).toBeGreaterThan(COUNT / 5);
});
