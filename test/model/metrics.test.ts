import { expect, it } from "vitest";
import { MetricsCounter, SegmentationCounter, softmaxRow } from "../../src/model/metrics.ts";

it("agrees with a hand-worked example", () => {
  const counter = new MetricsCounter(3);
  counter.add([0.5, 0.3, 0.2], 0);
  counter.add([0.1, 0.8, 0.1], 0);
  counter.add([0.2, 0.6, 0.2], 1);
  counter.add([0.4, 0.4, 0.2], 0);
  const { top1, meanClass, nll, perClass, confusion, samples } = counter.result();
  expect(samples).toBe(4);
  expect(top1).toBe(0.75);
  expect(perClass.slice(0, 2)).toEqual([2 / 3, 1]);
  expect(perClass[2]).toBeNaN();
  expect(meanClass).toBeCloseTo((2 / 3 + 1) / 2, 12);
  expect(nll).toBeCloseTo(-(Math.log(0.5) + Math.log(0.1) + Math.log(0.6) + Math.log(0.4)) / 4, 12);
  expect(confusion).toEqual([
    [2, 1, 0],
    [0, 1, 0],
    [0, 0, 0],
  ]);
});

it("gives probabilities that survive large scores", () => {
  const probabilities = softmaxRow([0, 0, 1000, 1001], 1, 2);
  expect(probabilities[0]! + probabilities[1]!).toBeCloseTo(1, 12);
  expect(probabilities[1]! / probabilities[0]!).toBeCloseTo(Math.E, 9);
});

it("agrees with a hand-worked segmentation", () => {
  const counter = new SegmentationCounter(4);
  // Truth against prediction, class 3 nowhere, 255 not counted.
  counter.add([0, 0, 1, 1, 2, 0], [0, 0, 0, 1, 255, 255], 0.5);
  counter.add([1, 1, 2, 2, 2, 0], [1, 1, 1, 2, 0, 0], 0.8, 2);
  const { top1, miou, meanClass, classAccuracy, nll, perClass, confusion, samples } = counter.result();
  expect(confusion).toEqual([
    [3, 1, 1, 0],
    [0, 3, 1, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 0],
  ]);
  expect(samples).toBe(3);
  expect(top1).toBeCloseTo(7 / 10, 12);
  expect(perClass.slice(0, 3)).toEqual([3 / 5, 3 / 5, 1 / 3]);
  expect(perClass[3]).toBeNaN();
  expect(miou).toBeCloseTo((3 / 5 + 3 / 5 + 1 / 3) / 3, 12);
  expect(meanClass).toBe(miou);
  expect(classAccuracy).toBeCloseTo((3 / 5 + 3 / 4 + 1) / 3, 12);
  expect(nll).toBeCloseTo((4 * 0.5 + 6 * 0.8) / 10, 12);
});

it("counts a class that is predicted but nowhere there as an intersection over union of 0", () => {
  const counter = new SegmentationCounter(2);
  counter.add([0, 1], [0, 0], 0);
  const { perClass, miou, classAccuracy } = counter.result();
  expect(perClass).toEqual([1 / 2, 0]);
  expect(miou).toBe(1 / 4);
  expect(classAccuracy).toBe(1 / 2);
});
