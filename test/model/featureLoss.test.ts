import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { type FeatureLossName, featureLoss, featureLossNames } from "../../src/model/featureLoss.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const [images, pixels, channels, classes] = [5, 6, 4, 3];
const length = pixels * channels;

/** One image's map after another, pixel by pixel; positive, as maps behind a ReLU are. */
function map(seed: number): number[] {
  const rng = new Rng(seed);
  return Array.from({ length: images * length }, () => Math.fround(rng.uniform(0.1, 1)));
}

/** The teacher's scores, surer of one image than of the next. */
const scores = Array.from({ length: images * classes }, (_, i) => (i % classes === 0 ? Math.floor(i / classes) : 0));

const each = <T>(count: number, value: (i: number) => T) => Array.from({ length: count }, (_, i) => value(i));
const total = (values: number[]) => values.reduce((a, b) => a + b, 0);
const unit = (row: number[]) => row.map((value) => value / Math.sqrt(total(row.map((v) => v * v))));
const dot = (a: number[], b: number[]) => total(a.map((value, i) => value * b[i]!));
const rowsOf = (of: number[]) => each(images, (i) => of.slice(i * length, (i + 1) * length));
const meanSquare = (a: number[], b: number[]) => total(a.map((value, i) => (value - b[i]!) ** 2)) / a.length;

const attention = (row: number[]) =>
  unit(each(pixels, (p) => total(row.slice(p * channels, (p + 1) * channels).map((value) => value ** 2))));
const alike = (of: number[]) => rowsOf(of).map((a) => unit(rowsOf(of).map((b) => dot(a, b))));
const probabilities = (of: number[]) => {
  const means = rowsOf(of).map((row) =>
    unit(each(channels, (c) => total(each(pixels, (p) => row[p * channels + c]!)) / pixels)),
  );
  const near = means.map((a) => means.map((b) => (dot(a, b) + 1) / 2));
  return near.map((row) => row.map((value) => value / total(row)));
};
const entropies = each(images, (i) => {
  const powers = scores.slice(i * classes, (i + 1) * classes).map(Math.exp);
  return -total(powers.map((power) => (power / total(powers)) * Math.log(power / total(powers))));
});

/** The distances in float64, as their papers have them. */
const references: Record<FeatureLossName, (student: number[], teacher: number[]) => number> = {
  fitnet: meanSquare,
  at: (s, t) => meanSquare(rowsOf(s).flatMap(attention), rowsOf(t).flatMap(attention)),
  sp: (s, t) => meanSquare(alike(s).flat(), alike(t).flat()),
  pkt: (s, t) => {
    const [own, wanted] = [probabilities(s).flat(), probabilities(t).flat()];
    return total(wanted.map((p, i) => p * Math.log(p / own[i]!))) / images ** 2;
  },
  mad: (s, t) => {
    const wanted = alike(t);
    return total(alike(s).map((row, i) => (entropies[i]! / total(entropies)) * images * meanSquare(row, wanted[i]!)));
  },
};

describe.each(featureLossNames)("the distance of features %s", (name) => {
  const of = async (student: number[], teacher: number[]) => {
    const device = await testDevice();
    const upload = (values: number[]) => device.upload(values, [images, 2, 3, channels], "f32");
    const own = upload(student);
    own.requiresGrad = true;
    const other = { scores: [device.upload(scores, [images, classes], "f32")], features: [upload(teacher)], maps: [] };
    return { own, loss: () => featureLoss([own], other, name) };
  };

  it("is what its paper says, and nothing between equals", async () => {
    const { loss } = await of(map(1), map(2));
    expect((await scope(loss).item()) / references[name](map(1), map(2))).toBeCloseTo(1, 4);
    const same = await of(map(1), map(1));
    expect(Math.abs(await scope(same.loss).item())).toBeLessThan(1e-6);
  });

  it("has the gradient of its definition", async () => {
    const [student, teacher] = [map(1), map(2)];
    const { own, loss } = await of(student, teacher);
    backward(loss());
    const gradient = [...(await own.grad!.read())];
    const step = 1e-5;
    const expected = each(student.length, (i) => {
      const moved = (by: number) => references[name](student.with(i, student[i]! + by), teacher);
      return (moved(step) - moved(-step)) / (2 * step);
    });
    const largest = Math.max(...expected.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    for (const [i, wanted] of expected.entries()) {
      expect(Math.abs(gradient[i]! - wanted), `${i}`).toBeLessThan(2e-3 * largest);
    }
  });
});

it("a teacher that is unsure of one image alone is followed there alone by mad", async () => {
  const device = await testDevice();
  const sure = each(images * classes, (i) => (i % classes === 0 && i > 0 ? 60 : 0));
  const upload = (values: number[]) => device.upload(values, [images, 2, 3, channels], "f32");
  const teacher = { scores: [device.upload(sure, [images, classes], "f32")], features: [upload(map(2))], maps: [] };
  const value = await scope(() => featureLoss([upload(map(1))], teacher, "mad")).item();
  expect(value / images / meanSquare(alike(map(1))[0]!, alike(map(2))[0]!)).toBeCloseTo(1, 4);
});
