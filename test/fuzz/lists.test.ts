import { expect, it } from "vitest";
import { parseClassNames, parseScenes, parseSplitList } from "../../src/data/node/lists.ts";
import { describeFuzz, fuzz, MUTANTS, mutate, randomIntegers } from "./mutate.ts";

const COUNT = Math.ceil(MUTANTS / 5);

const seeds = [
  "0001\n0002\n0003\n",
  "00000 4\n00001 1\r\n00002 0",
  "bed\nnight stand\n\nsofa",
  "0001 kitchen 1\n0003 office 4\n",
].map((text) => new TextEncoder().encode(text));

it(`lists: ${COUNT} mutants`, { timeout: 1e8 }, () => {
  const random = randomIntegers(4);
  const result = fuzz(
    COUNT,
    () => mutate(seeds, random),
    (bytes) => {
      const text = new TextDecoder().decode(bytes);
      const kind = random(4);
      if (kind === 0) expect(parseSplitList(text, "f").every(({ name }) => /^\S+$/.test(name))).toBe(true);
      if (kind === 1)
        expect(parseSplitList(text, "f", 5).every(({ target }) => [0, 1, 2, 3, 4].includes(target!))).toBe(true);
      if (kind === 2) expect(new Set(parseClassNames(text, "f")).has("")).toBe(false);
      if (kind === 3)
        expect([...parseScenes(text, "f", 5).values()].every((target) => target >= 0 && target < 5)).toBe(true);
    },
  );
  console.log(describeFuzz("lists", result));
  expect(result.foreign).toEqual([]);
  expect(result.slowestMs).toBeLessThan(1000);
  expect(result.accepted).toBeGreaterThan(COUNT / 20);
  expect(result.refused).toBeGreaterThan(COUNT / 5);
});
