import { describe, expect, it } from "vitest";
import { holdOut } from "../../src/data/holdOut.ts";
import { MemoryDataset } from "../../src/data/memory.ts";
import type { Sample } from "../../src/data/sample.ts";
import { datasetFacts, hasLabels, passedOver } from "../../src/run/dataset.ts";

const VOID = [255, 255, 255, 255];

/** A dataset of images of 2x2 pixels, of which these are the label maps; to classify, the first label is the class. */
function dataset(maps: Record<string, number[][]>, task: "segment" | "classify" = "segment"): MemoryDataset {
  const sampleOf = (map: number[], i: number): Sample => ({
    ...{ name: `${i}`, width: 2, height: 2, rgb: new Uint8Array(12), depth: Uint16Array.of(0, 1000, 2000, 3000) },
    ...(task === "segment" ? { label: Uint8Array.from(map) } : map[0] !== 255 && { target: map[0] }),
  });
  const names = ["floor", "wall", "sky"];
  const kind = {
    name: "city",
    width: 2,
    height: 2,
    classes: [],
    labels: [],
    [{ segment: "labels", classify: "classes" }[task]]: names,
  };
  return new MemoryDataset(kind, new Map(Object.entries(maps).map(([split, own]) => [split, own.map(sampleOf)])));
}

const choice = { task: "segment", classWeights: "equal", modalities: "rgb,depth" } as const;
const train = [
  [0, 0, 0, 1],
  [0, 1, 255, 255],
  [2, 2, 255, 255],
];
const seen = [VOID, [255, 255, 255, 2]];

describe("what a run knows about its dataset", () => {
  it("weighs classes by their median frequency in the images that have them", () => {
    const facts = datasetFacts(dataset({ train, val: train }), { ...choice, classWeights: "median" });
    // 4 of 8, 2 of 8 and 2 of 4 pixels.
    expect(facts.classWeights).toEqual([1, 2, 1]);
    expect(datasetFacts(dataset({ train, val: train }), choice).classWeights).toBeNull();
    const images = dataset({ train: [[0], [1], [1], [2], [2], [2]], val: [[0]] }, "classify");
    expect(datasetFacts(images, { ...choice, task: "classify", classWeights: "median" }).classWeights).toEqual([
      2,
      1,
      2 / 3,
    ]);
  });

  it("compares networks on the first of test and val that has labels, and says which was passed over", () => {
    const of = (splits: Record<string, number[][]>) => {
      const facts = datasetFacts(dataset({ train, ...splits }), choice);
      return [facts.evaluation, facts.validation, passedOver(facts)];
    };
    expect(of({ val: seen, test: seen })).toEqual(["test", "val", null]);
    expect(of({ test: seen })).toEqual(["test", null, null]);
    expect(of({ val: [VOID], test: seen })).toEqual(["test", null, null]);
    expect(of({ val: seen })).toEqual(["val", null, null]);
    const said = "city: nothing in test is labelled; networks are compared on val instead";
    expect(of({ val: seen, test: [VOID, VOID] })).toEqual(["val", null, said]);
  });

  it("takes what is held out where it has labels", () => {
    const many = Array.from({ length: 64 }, () => train[0]!);
    const facts = datasetFacts(holdOut(dataset({ train: many, val: seen }), 1, 4), choice);
    expect([facts.evaluation, passedOver(facts)]).toEqual(["held-out", null]);
  });

  it("refuses a dataset without labels to train or to compare on", () => {
    const facts = (splits: Record<string, number[][]>) => () => datasetFacts(dataset(splits), choice);
    expect(facts({ train, val: [VOID], test: [VOID] })).toThrow(
      "--data: expected labels in test or val, got none in test and val of city",
    );
    expect(facts({ train, test: [VOID] })).toThrow("--data: expected labels in test, got none in test of city");
    expect(facts({ train: [VOID], val: seen })).toThrow("--data: expected labels in train, got none in train of city");
    expect(facts({ train })).toThrow("--data: expected the splits train and val or test, got train in city");
  });

  it("looks at the labels of the task", () => {
    const images = dataset({ train: [[0]], test: [[255], [1]], val: [[255]] }, "classify");
    expect(["train", "test", "val"].map((split) => hasLabels(images, split, "classify"))).toEqual([true, true, false]);
    expect(hasLabels(images, "test", "segment")).toBe(false);
  });
});
