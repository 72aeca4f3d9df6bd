import { expect, it } from "vitest";
import { MetricsCounter, softmaxRow } from "../../src/model/metrics.ts";

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
