import { expect, it } from "vitest";
import { featureMmd, jointAdaptation, predictionKl, type TransferForm } from "../../src/model/transfer.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const device = await testDevice();
const images = 3;

/** A map [images, side, side, channels] as its numbers. */
function numbers(seed: number, side: number, channels: number): number[] {
  const rng = new Rng(seed);
  return Array.from({ length: images * side * side * channels }, () => Math.fround(rng.uniform(-1, 1)));
}

const upload = (map: number[], side: number, channels: number) =>
  device.upload(map, [images, side, side, channels], "f32");
const itemOf = (term: () => Tensor) => scope(term).item();

/** The rows that a map is compared by, in float64. */
function rowsOf(map: number[], channels: number, aligned: "map" | "pooled"): number[][] {
  const length = map.length / images;
  const whole = Array.from({ length: images }, (_, i) => map.slice(i * length, (i + 1) * length));
  if (aligned === "map") return whole;
  const pixels = length / channels;
  const mean = (row: number[], c: number) =>
    row.reduce((sum, value, at) => sum + (at % channels === c ? value / pixels : 0), 0);
  return whole.map((row) => Array.from({ length: channels }, (_, c) => mean(row, c)));
}

/** MK-MMD in float64: method.md a.4, word for word. */
function mkMmd(source: number[][], target: number[][]): number {
  const rows = [...source, ...target];
  const n = rows.length;
  const square = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
  const distances = rows.map((a) => rows.map((b) => square(a, b)));
  const bandwidth = distances.flat().reduce((a, b) => a + b) / (n * n - n);
  const kernel = (i: number, j: number) =>
    [0, 1, 2, 3, 4].reduce((sum, k) => sum + Math.exp(-distances[i]![j]! / (bandwidth * 2 ** (k - 2))), 0);
  let sum = 0;
  for (let i = 0; i < images; i++) {
    for (let j = 0; j < images; j++) {
      sum += kernel(i, j) + kernel(images + i, images + j) - kernel(i, images + j) - kernel(images + i, j);
    }
  }
  return sum / images ** 2;
}

it.each(["map", "pooled"] as const)("MK-MMD compares every aligned map, as --aligned says: %s", async (aligned) => {
  const sizes = [
    [4, 5],
    [2, 3],
  ] as const;
  const [own, other] = [1, 2].map((seed) => sizes.map(([side, channels]) => numbers(seed, side, channels)));
  const maps = (of: number[][]) => of.map((map, i) => upload(map, sizes[i]![0], sizes[i]![1]));
  const expected = sizes
    .map(([, channels], i) => mkMmd(rowsOf(own![i]!, channels, aligned), rowsOf(other![i]!, channels, aligned)))
    .reduce((a, b) => a + b);
  const teacher = { scores: [], features: maps(other!), maps: [] };
  expect(await itemOf(() => featureMmd(maps(own!), teacher, { aligned }))).toBeCloseTo(expected, 4);
});

/** T² KL(teacher || student) of maps of scores, summed over pixels, mean over images: PyTorch's "batchmean" in float64. */
function batchMeanKl(student: number[], teacher: number[], classes: number, temperature: number): number {
  const softened = (scores: number[]) => {
    const powers = scores.map((score) => Math.exp(score / temperature));
    const total = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / total);
  };
  let sum = 0;
  for (let at = 0; at < student.length; at += classes) {
    const [p, q] = [teacher, student].map((map) => softened(map.slice(at, at + classes)));
    sum += p!.reduce((total, share, k) => total + share * Math.log(share / q![k]!), 0);
  }
  return (temperature ** 2 * sum) / images;
}

it.each(["mean", "sum"] as const)("a KL divergence counts pixels as --kl-pixels says: %s", async (klPixels) => {
  const [classes, temperature] = [4, 2];
  // Two scales, of 16 pixels and of 4.
  const sides = [4, 2];
  const [own, other] = [1, 2].map((seed) => sides.map((side) => numbers(seed, side, classes)));
  const maps = (of: number[][]) => of.map((map, i) => upload(map, sides[i]!, classes));
  const sums = sides.map((_, i) => batchMeanKl(own![i]!, other![i]!, classes, temperature));
  const expected = sums.reduce((total, sum, i) => total + (klPixels === "sum" ? sum : sum / sides[i]! ** 2), 0);
  const teacher = { scores: maps(other!), features: [], maps: [] };
  const value = await itemOf(() => predictionKl(maps(own!), teacher, { temperature, klPixels }));
  expect(value / expected).toBeCloseTo(1, 5);
  // Of images there are no pixels to add up.
  const flat = (map: number[]) => [device.upload(map.slice(0, images * classes), [images, classes], "f32")];
  const both = ["mean", "sum"] as const;
  const [mean, sum] = await Promise.all(
    both.map((way) =>
      itemOf(() =>
        predictionKl(
          flat(own![0]!),
          { scores: flat(other![0]!), features: [], maps: [] },
          { temperature, klPixels: way },
        ),
      ),
    ),
  );
  expect(sum).toBe(mean);
});

it("JMMD is estimated as --jmmd-estimate says, of what --jmmd-layers says", async () => {
  const output = (seed: number) => {
    const deepest = upload(numbers(seed + 9, 2, 5), 2, 5);
    const maps = [upload(numbers(seed + 19, 4, 2), 4, 2), deepest];
    return { scores: [upload(numbers(seed, 4, 3), 4, 3)], features: [deepest], maps };
  };
  const of = (form: Pick<TransferForm, "jmmdEstimate" | "jmmdLayers">) =>
    itemOf(() => jointAdaptation(output(1), output(2), form));
  const quadratic = await of({ jmmdEstimate: "quadratic", jmmdLayers: "last" });
  expect(Math.abs(quadratic - (await of({ jmmdEstimate: "linear", jmmdLayers: "last" })))).toBeGreaterThan(1e-3);
  expect(Math.abs(quadratic - (await of({ jmmdEstimate: "quadratic", jmmdLayers: "all" })))).toBeGreaterThan(1e-3);
});
