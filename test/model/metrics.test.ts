import { describe, expect, it } from "vitest";
import { MetricsCounter, SegmentationCounter, softmaxRow } from "../../src/model/metrics.ts";
import { spoofingMetrics, spoofingRates } from "../../src/model/spoofing.ts";

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
  expect(counter.perImage()).toEqual({ kind: "classes", truth: [0, 0, 1, 0], predicted: [0, 1, 1, 0] });
});

it("calibration agrees with a hand-worked example", () => {
  const counter = new MetricsCounter(2);
  counter.add([0.7, 0.3], 0);
  counter.add([0.72, 0.28], 1);
  counter.add([0.45, 0.55], 1);
  const { ece, brier, reliability } = counter.result();
  // 0.7 and 0.72 lie in (10/15, 11/15], 0.55 in (8/15, 9/15].
  expect(reliability).toHaveLength(15);
  expect(reliability.map(({ count }) => count)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0]);
  expect(reliability[10]).toEqual({ count: 2, confidence: (0.7 + 0.72) / 2, accuracy: 1 / 2 });
  expect(reliability[8]).toEqual({ count: 1, confidence: 0.55, accuracy: 1 });
  expect(reliability[0]!.accuracy).toBeNaN();
  expect(ece).toBeCloseTo((2 / 3) * Math.abs(0.5 - 0.71) + (1 / 3) * (1 - 0.55), 12);
  expect(brier).toBeCloseTo((2 * 0.3 ** 2 + 2 * 0.72 ** 2 + 2 * 0.45 ** 2) / 3, 12);
});

it("a network that is sure and right is calibrated, one that is sure and wrong is not", () => {
  const [right, wrong] = [new MetricsCounter(2), new MetricsCounter(2)];
  right.add([1, 0], 0);
  wrong.add([1, 0], 1);
  expect(right.result()).toMatchObject({ ece: 0, brier: 0 });
  expect(wrong.result()).toMatchObject({ ece: 1, brier: 2 });
});

it("what is not a number shows in what is counted from it, and the rest is counted", () => {
  const counter = new MetricsCounter(2, 1);
  counter.add([0.3, 0.7], 1);
  counter.add([Number.NaN, Number.NaN], 0);
  const { top1, nll, ece, brier, reliability, spoofing } = counter.result();
  expect([nll, ece, brier]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  const { half, eer, auc, tprAtFpr } = spoofing!;
  expect([half.apcer, half.acer, eer, auc, tprAtFpr[0]!.tpr].every(Number.isNaN)).toBe(true);
  expect(top1).toBe(1);
  expect(reliability[10]).toEqual({ count: 1, confidence: 0.7, accuracy: 1 });
});

describe("anti-spoofing", () => {
  // Live faces are class 1; 0 and 2 are kinds of attacks.
  const faces: [score: number, kind: number][] = [
    [0.9, 1],
    [0.8, 1],
    [0.7, 0],
    [0.6, 1],
    [0.55, 2],
    [0.4, 0],
    [0.3, 1],
    [0.2, 0],
    [0.1, 2],
  ];
  const scores = faces.map(([score]) => score);
  const truth = faces.map(([, kind]) => kind);

  it("agrees with a hand-worked example", () => {
    const { half, equal, eer, auc, tprAtFpr } = spoofingMetrics(scores, truth, 1);
    // At 0.5 one of three attacks of kind 0 and one of two of kind 2 pass, and one of four live faces does not.
    expect(half).toEqual({ threshold: 0.5, apcer: 1 / 2, bpcer: 1 / 4, acer: 3 / 8 });
    // ROC (FPR, TPR): (0, 1/4) (0, 1/2) (1/5, 1/2) (1/5, 3/4) (2/5, 3/4) ...: 1/5 and 1/4 are nearest, at the score 0.6.
    expect(equal).toEqual({ threshold: 0.6, apcer: 1 / 3, bpcer: 1 / 4, acer: (1 / 3 + 1 / 4) / 2 });
    expect(eer).toBeCloseTo(1 / 4, 12);
    // Of the 4 x 5 pairs a live face is ahead in 5 + 5 + 4 + 2.
    expect(auc).toBeCloseTo(16 / 20, 12);
    expect(tprAtFpr).toEqual([
      { fpr: 1e-2, tpr: 1 / 2 },
      { fpr: 1e-3, tpr: 1 / 2 },
      { fpr: 1e-4, tpr: 1 / 2 },
    ]);
  });

  it("takes the mean of the rates of the same counts whatever their names, where there is one kind of attack", () => {
    const kinds = truth.map((kind) => (kind === 1 ? 1 : 0));
    expect(spoofingRates(scores, kinds, 1, 0.5)).toEqual({ threshold: 0.5, apcer: 2 / 5, bpcer: 1 / 4, acer: 13 / 40 });
    const reversed = spoofingMetrics(
      scores.map((score) => 1 - score),
      kinds,
      0,
    );
    expect(reversed.auc).toBeCloseTo(16 / 20, 12);
    expect(reversed.eer).toBeCloseTo(1 / 4, 12);
  });

  it("counts a rate of one attack in two hundred as one in a hundred allows", () => {
    const many = Array.from({ length: 200 }, (_, i) => (i === 0 ? 0.95 : 0.01 * Math.min(i, 40)));
    const { tprAtFpr } = spoofingMetrics([...many, 0.9, 0.97], [...many.map(() => 0), 1, 1], 1);
    expect(tprAtFpr.map(({ tpr }) => tpr)).toEqual([1, 1 / 2, 1 / 2]);
  });

  it("knows the best, the blind and the missing", () => {
    const best = spoofingMetrics([0.9, 0.1], [1, 0], 1);
    expect([best.eer, best.auc, best.half.acer, best.tprAtFpr[2]!.tpr]).toEqual([0, 1, 0, 1]);
    const blind = spoofingMetrics([0.3, 0.3, 0.3], [1, 0, 0], 1);
    expect([blind.eer, blind.auc]).toEqual([0.5, 0.5]);
    const alone = spoofingMetrics([0.3, 0.7], [1, 1], 1);
    expect(alone.half.bpcer).toBe(1 / 2);
    expect([alone.half.apcer, alone.eer, alone.auc]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it("comes with the metrics where a live class is named", () => {
    const counter = new MetricsCounter(2, 1);
    for (const [score, kind] of faces) counter.add([1 - score, score], kind === 1 ? 1 : 0);
    expect(counter.result().spoofing!.half.apcer).toBe(2 / 5);
    expect(new MetricsCounter(2).result()).not.toHaveProperty("spoofing");
  });
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
  // Image by image; the second call had two of three pixels each.
  expect(counter.perImage()).toEqual({
    kind: "pixels",
    classes: 4,
    intersection: [2, 1, 0, 0, 0, 2, 0, 0, 1, 0, 1, 0],
    union: [3, 2, 0, 0, 0, 3, 1, 0, 2, 0, 2, 0],
  });
});

it("counts a class that is predicted but nowhere there as an intersection over union of 0", () => {
  const counter = new SegmentationCounter(2);
  counter.add([0, 1], [0, 0], 0);
  const { perClass, miou, classAccuracy } = counter.result();
  expect(perClass).toEqual([1 / 2, 0]);
  expect(miou).toBe(1 / 4);
  expect(classAccuracy).toBe(1 / 2);
});
