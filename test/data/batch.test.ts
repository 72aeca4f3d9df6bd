import { describe, expect, it } from "vitest";
import { drawView, noAugmentation, writeColour } from "../../src/data/augment.ts";
import { epochOrder, makeBatch } from "../../src/data/batch.ts";
import { writeDepth } from "../../src/data/normalise.ts";
import type { Dataset, Sample } from "../../src/data/sample.ts";
import { Rng } from "../../src/tensor/rng.ts";

const side = 6;
const sample = (index: number): Sample => ({
  name: `s${index}`,
  width: side,
  height: side,
  rgb: Uint8Array.from({ length: 3 * side * side }, (_, i) => (7 * i + 13 * index) % 256),
  // Depth follows the red channel, so that a crop or mirror of one without the other shows.
  depth: Uint16Array.from({ length: side * side }, (_, i) => 1000 + ((21 * i + 13 * index) % 256)),
  target: index % 3,
});
const dataset: Dataset = {
  name: "made",
  width: side,
  height: side,
  splits: ["train"],
  classes: ["a", "b", "c"],
  labels: [],
  size: () => 9,
  sample: (_split, index) => sample(index),
};
const scale = { mean: 1, std: 2 };

it("normalises colour and depth, and keeps missing depth at 0", () => {
  const one = { ...sample(0), depth: new Uint16Array(side * side).fill(3000) };
  one.depth[4] = 0;
  const view = drawView(one, noAugmentation, null);
  const colour = new Float32Array(3 * side * side);
  const depth = new Float32Array(side * side);
  writeColour(one, view, colour, 0);
  writeDepth(one, view, scale, depth, 0);
  expect(colour[1]).toBeCloseTo((7 / 255 - 0.456) / 0.224, 5);
  expect(depth[3]).toBe(1);
  expect(depth[4]).toBe(0);
});

it("crops and mirrors colour and depth together", () => {
  const rng = new Rng(1);
  const augmentation = { crop: 4, flip: true, jitter: 0, gain: 0 };
  let mirrored = 0;
  for (let epoch = 0; epoch < 20; epoch++) {
    const batch = makeBatch(dataset, "train", [0, 5, 7], scale, { augmentation, rng, epoch });
    expect([batch.width, batch.height]).toEqual([4, 4]);
    expect([...batch.target]).toEqual([0, 2, 1]);
    for (let i = 0; i < batch.depth.length; i++) {
      const red = (batch.rgb[3 * i]! * 0.229 + 0.485) * 255;
      const millimetres = (batch.depth[i]! * scale.std + scale.mean) * 1000;
      expect(millimetres - 1000).toBeCloseTo(red, 1);
    }
    if (drawView(sample(0), augmentation, rng.fork("augment", epoch, 0)).mirrored) mirrored++;
  }
  expect(mirrored).toBeGreaterThan(3);
  expect(mirrored).toBeLessThan(17);
});

it("varies a sample by its own stream, whatever batch it is in", () => {
  const random = { augmentation: { crop: 4, flip: true, jitter: 0.4, gain: 0.1 }, rng: new Rng(3), epoch: 2 };
  const alone = makeBatch(dataset, "train", [4], scale, random);
  const second = makeBatch(dataset, "train", [1, 4], scale, random);
  expect(second.rgb.slice(3 * 16)).toEqual(alone.rgb);
  expect(makeBatch(dataset, "train", [4], scale, { ...random, epoch: 3 }).rgb).not.toEqual(alone.rgb);
  expect(Math.min(...alone.rgb)).toBeGreaterThanOrEqual(-0.486 / 0.224);
});

it("orders every epoch anew, the same for the same seed", () => {
  const orders = [0, 1].map((epoch) => [...epochOrder(new Rng(2), epoch, 50)]);
  expect(orders[0]).not.toEqual(orders[1]);
  expect([...epochOrder(new Rng(2), 1, 50)]).toEqual(orders[1]);
  expect([...orders[0]!].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
});

it("refuses samples without a class", () => {
  const bare = { ...dataset, sample: (_split: string, index: number) => ({ ...sample(index), target: undefined }) };
  expect(() => makeBatch(bare, "train", [3], scale, null)).toThrow("s3: expected a class, got none");
});

describe("segmentation", () => {
  // Wider than high; labels follow the red channel too.
  const wide = (index: number): Sample => {
    const [width, height] = [9, 5];
    const value = (i: number) => (21 * i + 13 * index) % 200;
    return {
      name: `w${index}`,
      width,
      height,
      rgb: Uint8Array.from({ length: 3 * width * height }, (_, i) => value(Math.floor(i / 3))),
      depth: Uint16Array.from({ length: width * height }, (_, i) => 1000 + value(i)),
      label: Uint8Array.from({ length: width * height }, (_, i) => value(i)),
    };
  };
  const labelled: Dataset = { ...dataset, width: 9, height: 5, sample: (_split, index) => wide(index) };

  it("takes whole images with the classes of their pixels", () => {
    const batch = makeBatch(labelled, "train", [2, 3], scale, null, "segment");
    expect([batch.width, batch.height]).toEqual([9, 5]);
    expect([...batch.target]).toEqual([...wide(2).label!, ...wide(3).label!]);
  });

  it("crops and mirrors colour, depth and labels together", () => {
    const rng = new Rng(1);
    const augmentation = { crop: 4, flip: true, jitter: 0, gain: 0 };
    const seen = new Set<string>();
    for (let epoch = 0; epoch < 20; epoch++) {
      const batch = makeBatch(labelled, "train", [0, 5, 7], scale, { augmentation, rng, epoch }, "segment");
      expect([batch.width, batch.height, batch.target.length]).toEqual([4, 4, 3 * 16]);
      for (const [i, label] of batch.target.entries()) {
        expect((batch.rgb[3 * i]! * 0.229 + 0.485) * 255).toBeCloseTo(label, 1);
        expect((batch.depth[i]! * scale.std + scale.mean) * 1000 - 1000).toBeCloseTo(label, 1);
      }
      seen.add(String(batch.target.slice(0, 16)));
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  it("refuses samples without pixel classes", () => {
    expect(() => makeBatch(dataset, "train", [3], scale, null, "segment")).toThrow(
      "s3: expected pixel classes, got none",
    );
  });
});
