import { describe, expect, it } from "vitest";
import { type Augmentation, drawView, placeSample, viewSize } from "../../src/data/augment.ts";
import { makeBatch } from "../../src/data/batch.ts";
import type { Dataset, Sample } from "../../src/data/sample.ts";
import { statistics } from "../../src/data/statistics.ts";
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
      ir: Uint16Array.from({ length: width * height }, (_, i) => 400 * slope(i)),
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

  const both = { crop: 28, flip: true, jitter: 0, gain: 0 };
  it.each([
    [
      "resized",
      square,
      { ...both, scale: [1, 1.4] },
      "classify",
      "939787599e4561f76f81b04b1a1c929ecd8c78bb5ae55372f7fdd0f84b720c24",
    ],
    [
      "shrunk",
      square,
      { ...both, crop: 12, scale: [0.4, 0.6] },
      "classify",
      "8131dec217815fdfa1b1fda29138ba22b5536fcc44da5425b80ffca2bb4a9c8e",
    ],
    [
      "turned",
      wide,
      { ...both, crop: 20, scale: [1.1, 1.1], rotation: 30 },
      "segment",
      "2d8351209ae2ac3677310776f4d8ce2ea87993c9bb3f3539dd2273ff81bb2051",
    ],
    [
      "HSV",
      square,
      { ...both, hueSaturation: 0.1, valueShift: 25 },
      "classify",
      "02ff20c8e53e1bc0abd4a0a167879a59961e9af16424e3601a3cb0f11945ae54",
    ],
    [
      "all, oblong",
      wide,
      {
        crop: 32,
        cropHeight: 20,
        flip: true,
        jitter: 0.4,
        gain: 0.1,
        scale: [1, 1.4],
        rotation: 10,
        hueSaturation: 0.1,
        valueShift: 25,
      },
      "segment",
      "800670e4fcf087306262a359515b1073716a1d8526c84bf8ea158e85d8b2e109",
    ],
  ] as const)("%s: as recorded", async (_, dataset, augmentation, task, recorded) => {
    expect(await hashOf(dataset, augmentation, task)).toBe(recorded);
  });

  it("settings that say nothing change nothing", async () => {
    const plain = { crop: 28, flip: true, jitter: 0.4, gain: 0.1 };
    const neutral = { ...plain, scale: [1, 1], rotation: 0, hueSaturation: 0, valueShift: 0 } as const;
    expect(await hashOf(square, neutral, "classify")).toBe(await hashOf(square, plain, "classify"));
  });
});

describe("what is drawn", () => {
  const size = { width: 40, height: 30 };
  const plain = { crop: 20, flip: true, jitter: 0.4, gain: 0.1 };
  const draw = (augmentation: Augmentation, seed: number) => drawView(size, augmentation, new Rng(seed));

  it("a setting does not shift the choices of the others", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { hsv, degrees, canvas, x, y, ...rest } = draw(plain, seed);
      const all = { ...plain, scale: [1, 2], rotation: 30, hueSaturation: 0.1, valueShift: 25 } as const;
      expect(draw(all, seed)).toMatchObject(rest);
      expect(draw({ ...plain, hueSaturation: 0.1, rotation: 0 }, seed)).toMatchObject({ ...rest, x, y, canvas });
    }
  });

  it("the resized image holds the crop, and the crop lies in it", () => {
    const canvases = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const { canvas, ...window } = draw({ ...plain, scale: [0.5, 2] }, seed);
      canvases.add(canvas.width);
      expect(canvas.width).toBeGreaterThanOrEqual(27);
      expect(canvas.width).toBeLessThanOrEqual(80);
      expect(canvas.height).toBeGreaterThanOrEqual(20);
      // Each side is rounded by half a pixel at most.
      expect(Math.abs(3 * canvas.width - 4 * canvas.height)).toBeLessThanOrEqual(3.5);
      expect(window).toMatchObject({ width: 20, height: 20 });
      expect(window.x + 20).toBeLessThanOrEqual(canvas.width);
      expect(window.y + 20).toBeLessThanOrEqual(canvas.height);
    }
    expect(canvases.size).toBeGreaterThan(30);
  });

  it("without a crop the image keeps its size, and grows only", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { canvas, width, height } = draw({ ...plain, crop: 0, scale: [0.5, 1.5] }, seed);
      expect([width, height]).toEqual([40, 30]);
      expect(canvas.width).toBeGreaterThanOrEqual(40);
      expect(canvas.height).toBeGreaterThanOrEqual(30);
    }
  });

  it("crops of a turned image come from its middle", () => {
    const columns = Array.from({ length: 300 }, (_, seed) => draw({ ...plain, rotation: 30 }, seed));
    expect(Math.min(...columns.map(({ x }) => x))).toBe(4);
    expect(Math.max(...columns.map(({ x }) => x + 20))).toBe(36);
    const degrees = columns.map((view) => view.degrees);
    expect(Math.min(...degrees)).toBeGreaterThanOrEqual(-30);
    expect(Math.min(...degrees)).toBeLessThan(-25);
    expect(Math.max(...degrees)).toBeGreaterThan(25);
    expect(Math.max(...degrees)).toBeLessThan(30);
  });

  it("crops are square, or as wide and high as is said, and no larger than the image", () => {
    expect(viewSize(size, plain)).toEqual({ width: 20, height: 20 });
    expect(viewSize(size, { ...plain, crop: 0 })).toEqual(size);
    expect(viewSize(size, { ...plain, crop: 30 })).toEqual(size);
    expect(viewSize(size, { ...plain, cropHeight: 10 })).toEqual({ width: 20, height: 10 });
    expect(viewSize(size, { ...plain, crop: 64, cropHeight: 48 })).toEqual(size);
    expect(viewSize(size, { ...plain, crop: 0, cropHeight: 10 })).toEqual({ width: 40, height: 10 });
  });
});

describe("depth, labels and infrared of a resized and turned image", () => {
  // The label and the infrared follow the depth, so that another geometry for one of them shows.
  const depth = Uint16Array.from({ length: 24 * 16 }, (_, i) => (i % 7 === 0 ? 0 : 1000 + i));
  const sample: Sample = {
    name: "paired",
    target: 0,
    width: 24,
    height: 16,
    rgb: new Uint8Array(3 * 24 * 16).fill(200),
    depth,
    label: Uint8Array.from(depth, (d) => d % 251),
    ir: new Uint16Array(24 * 16).fill(700),
  };
  const augmentation = { crop: 12, flip: true, jitter: 0, gain: 0, scale: [0.8, 1.1], rotation: 45 } as const;

  it("are paired; depth is never mixed, and what comes from outside is black, missing and not counted", () => {
    const known = new Set(depth);
    let outside = 0;
    for (let seed = 0; seed < 40; seed++) {
      const placed = placeSample(sample, drawView(sample, augmentation, new Rng(seed)));
      expect(placed.view).toMatchObject({ x: 0, y: 0, width: 12, height: 12 });
      for (const [i, millimetres] of placed.sample.depth.entries()) {
        expect(known.has(millimetres)).toBe(true);
        const [red, ir, label] = [placed.sample.rgb[3 * i], placed.sample.ir![i], placed.sample.label![i]];
        if (label === 255) {
          outside++;
          expect([millimetres, red, ir]).toEqual([0, 0, 0]);
        } else expect([label, red, ir]).toEqual([millimetres % 251, 200, 700]);
      }
    }
    expect(outside).toBeGreaterThan(20);
    expect(outside).toBeLessThan(40 * 144 * 0.2);
  });

  it("missing depth is 0 in the batch, and 0 is missing depth even where depth is the mean", () => {
    const dataset = { ...made(24, 16), sample: () => sample };
    const mean = { mean: 1.001, std: 0.5, ir: { mean: 600, std: 50 } };
    const batch = makeBatch(dataset, "train", [0], mean, null);
    expect([...batch.depth].map((value) => value === 0)).toEqual([...depth].map((value) => value === 0));
    expect(batch.depth[1]).toBeCloseTo(0, 12);
    expect([...new Set(batch.ir)]).toEqual([2]);
    expect(makeBatch(dataset, "train", [0], { mean: 1, std: 1 }, null).ir).toBeUndefined();
  });

  it("a network that looks at infrared needs it", () => {
    const { ir: _, ...bare } = sample;
    const dataset = { ...made(24, 16), sample: () => bare };
    const make = () => makeBatch(dataset, "train", [0], { mean: 1, std: 1, ir: { mean: 1, std: 1 } }, null);
    expect(make).toThrow("paired: expected infrared, got none");
  });

  it("its mean and deviation are known", () => {
    const ir = Uint16Array.from({ length: 24 * 16 }, (_, i) => (i % 2 ? 65535 : 65533));
    const dataset = { ...made(24, 16), sample: () => ({ ...sample, ir }) };
    expect(statistics(dataset, "train")).toMatchObject({ irMean: 65534, irStd: 1 });
    const { ir: _, ...bare } = sample;
    expect(statistics({ ...dataset, sample: () => bare }, "train").irMean).toBeUndefined();
  });
});
