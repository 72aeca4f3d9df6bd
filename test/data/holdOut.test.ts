import { describe, expect, it } from "vitest";
import { medianFrequency } from "../../src/data/classWeights.ts";
import { HELD_OUT, holdOut } from "../../src/data/holdOut.ts";
import type { Dataset, Sample } from "../../src/data/sample.ts";
import { sceneDataset } from "../../src/data/scenes/index.ts";
import { addSums, countSample, emptySampleSums, statisticsOf } from "../../src/data/statistics.ts";
import { unlabelledSample } from "../../src/data/unlabelled.ts";
import { IGNORED } from "../../src/model/task.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** A dataset of samples that are only names. */
function named(train: number): Dataset {
  const sample = (split: string, index: number) => ({ name: `${split}-${index}` }) as Sample;
  const sizes: Record<string, number> = { train, val: 5 };
  return {
    ...{ name: "named", width: 1, height: 1, splits: ["train", "val"], classes: ["a", "b"], labels: [] },
    size: (split) => sizes[split]!,
    sample,
  };
}

const namesOf = (dataset: Dataset, split: string) =>
  Array.from({ length: dataset.size(split) }, (_, i) => dataset.sample(split, i).name);

describe("holding out a part of train", () => {
  it("parts all training samples, and leaves val out of sight", () => {
    const parts = [1, 2, 3].map((part) => holdOut(named(500), part, 3));
    const held = parts.map((part) => namesOf(part, HELD_OUT));
    expect(held.flat().sort()).toEqual(namesOf(named(500), "train").sort());
    for (const [i, part] of parts.entries()) {
      expect(part.splits).toEqual(["train", HELD_OUT]);
      expect([...namesOf(part, "train"), ...held[i]!].sort()).toEqual(namesOf(named(500), "train").sort());
      expect(Math.abs(part.size(HELD_OUT) - 500 / 3)).toBeLessThan(17);
      expect(() => part.size("val")).toThrow("expected one of the splits train, held-out, got val");
      expect(() => part.sample(HELD_OUT, part.size(HELD_OUT))).toThrow(/expected a sample 0\.\./);
    }
  });

  it("keeps neighbours together but for the ends of 16 runs", () => {
    const part = holdOut(named(480), 2, 3);
    const at = namesOf(part, HELD_OUT).map((name) => Number(name.split("-")[1]));
    const breaks = at.filter((index, i) => i > 0 && index !== at[i - 1]! + 1);
    expect(breaks).toHaveLength(15);
  });

  it("needs enough samples", () => {
    expect(() => holdOut(named(40), 1, 3)).toThrow("named: expected at least 48 training samples, got 40");
  });
});

it("weighs classes by the median frequency over theirs", () => {
  expect(medianFrequency([10, 40, 20])).toEqual([2, 0.5, 1]);
  // Of an even number the middle two are averaged; a class that does not occur is left out.
  expect(medianFrequency([10, 0, 30])).toEqual([2, 0, 2 / 3]);
});

it("weighs classes of pixels by their frequency in the images that have them", () => {
  // Three images of four pixels: 0 0 0 1, then 0 1 and two ignored, then 2 2 and two ignored. The frequencies are 4 of 8,
  // 2 of 8 and 2 of 4 pixels, their median 1/2.
  expect(medianFrequency([4, 2, 2, 0], [2, 2, 1, 0])).toEqual([1, 2, 1, 0]);
  const maps = [
    [0, 0, 0, 1],
    [0, 1, 255, 255],
    [2, 2, 255, 255],
  ];
  const sums = emptySampleSums(0, 4);
  for (const map of maps) {
    const part = emptySampleSums(0, 4);
    countSample(part, { depth: Uint16Array.of(1, 2, 3, 4), label: Uint8Array.from(map) });
    addSums(sums, part);
  }
  expect(statisticsOf(sums)).toMatchObject({ labelCounts: [4, 2, 2, 0], labelImages: [2, 2, 1, 0] });
});

describe("an unlabelled sample", () => {
  const pool = sceneDataset({ seed: 3, width: 40, height: 30, train: 4, val: 1, test: 1 });

  it("is a window of the right size without class or labels, the same for the same stream", () => {
    for (let i = 0; i < 20; i++) {
      const sample = unlabelledSample(pool, { width: 16, height: 12 }, new Rng(1, i));
      expect([sample.width, sample.height, sample.rgb.length, sample.depth.length]).toEqual([16, 12, 576, 192]);
      expect(sample.target).toBe(IGNORED);
      expect(new Set(sample.label)).toEqual(new Set([IGNORED]));
      expect(sample).toEqual(unlabelledSample(pool, { width: 16, height: 12 }, new Rng(1, i)));
    }
  });

  it("shows depths that its image has", () => {
    const sample = unlabelledSample(pool, { width: 16, height: 16 }, new Rng(2));
    const original = pool.sample("train", [0, 1, 2, 3].find((i) => pool.sample("train", i).name === sample.name)!);
    const known = new Set(original.depth);
    expect([...sample.depth].every((depth) => known.has(depth))).toBe(true);
  });
});
