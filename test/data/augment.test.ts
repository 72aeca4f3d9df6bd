import { describe, expect, it } from "vitest";
import type { Augmentation } from "../../src/data/augment.ts";
import { makeBatch } from "../../src/data/batch.ts";
import type { Dataset, Sample } from "../../src/data/sample.ts";
import type { Task } from "../../src/model/task.ts";
import { Rng } from "../../src/tensor/rng.ts";

const scale = { mean: 2.8113, std: 1.3987 };

/** Images of noise on slopes, a tenth of the depth missing; every value is a pure function of the index. */
function made(width: number, height: number): Dataset {
  const sample = (index: number): Sample => {
    const rng = new Rng(11, index);
    const slope = (i: number) => (i % width) + 2 * Math.floor(i / width);
    return {
      name: `made-${index}`,
      width,
      height,
      rgb: Uint8Array.from({ length: 3 * width * height }, (_, i) => (slope(Math.floor(i / 3)) + rng.int(80)) % 256),
      depth: Uint16Array.from({ length: width * height }, (_, i) => (rng.bernoulli(0.1) ? 0 : 900 + 9 * slope(i))),
      label: Uint8Array.from({ length: width * height }, (_, i) => (i % 31 === 0 ? 255 : (slope(i) >> 3) % 13)),
      target: index % 10,
    };
  };
  const splits = ["train"];
  return { name: "made", width, height, splits, classes: [], labels: [], size: () => 16, sample: (_, i) => sample(i) };
}

async function sha256(...arrays: ArrayBufferView[]): Promise<string> {
  const bytes = arrays.flatMap(({ buffer, byteOffset, byteLength }) => [
    ...new Uint8Array(buffer, byteOffset, byteLength),
  ]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The hash of three samples of one epoch, so varied. */
async function hashOf(dataset: Dataset, augmentation: Augmentation | null, task: Task): Promise<string> {
  const random = augmentation && { augmentation, rng: new Rng(5, "data"), epoch: 3 };
  const { rgb, depth, target } = makeBatch(dataset, "train", [2, 9, 4], scale, random, task);
  return sha256(rgb, depth, target);
}

describe("the bits of a batch, in every engine", () => {
  const square = made(32, 32);
  const wide = made(40, 30);
  // Recorded before there was any other variation: runs of that time must be repeatable.
  it.each([
    ["none", square, null, "classify", "94677c23275115986b6bc725e4baae6923b5e9f23434d4e1e98182046ae74280"],
    [
      "crop and flip",
      square,
      { crop: 28, flip: true, jitter: 0, gain: 0 },
      "classify",
      "6ff09fcde14710b3515c6bb978c3bd1f5cb50a6be51c46cff5def9dc62f814c9",
    ],
    [
      "crop, flip, jitter and gain",
      square,
      { crop: 28, flip: true, jitter: 0.4, gain: 0.1 },
      "classify",
      "b92fc998ea953aee684237509414dd246b7d992b57d640ef2374c52467545301",
    ],
    [
      "jitter of whole images",
      wide,
      { crop: 0, flip: false, jitter: 0.4, gain: 0.1 },
      "segment",
      "7ad6da2aca7b2c89a368daa9be7f73237783e8c69608b8e955cdd520a313b6c8",
    ],
    [
      "all, with labels",
      wide,
      { crop: 26, flip: true, jitter: 0.4, gain: 0.1 },
      "segment",
      "e05559cd74db0574205f663370a15c8a618292266d87ffdca16d4e87ed9e52e9",
    ],
  ] as const)("%s: as recorded", async (_, dataset, augmentation, task, recorded) => {
    expect(await hashOf(dataset, augmentation, task)).toBe(recorded);
  });
});
