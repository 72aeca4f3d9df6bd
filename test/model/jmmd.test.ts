import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { jointMmd, linearJointMmd } from "../../src/model/jmmd.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const [n, d, k] = [6, 5, 3];

/** Rows of features and of probabilities. */
function layers(seed: number, shift = 0) {
  const rng = new Rng(seed);
  const features = Array.from({ length: n }, () => Array.from({ length: d }, () => rng.uniform(-1, 1) + shift));
  const predictions = Array.from({ length: n }, () => {
    const raw = Array.from({ length: k }, () => rng.uniform(0.1, 1));
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((value) => value / total);
  });
  return { features, predictions };
}

type Layers = ReturnType<typeof layers>;

/** JMMD in float64, word for word: product of the layers' kernels, by the quadratic or the linear estimate, plus 2/(B-1). */
function reference(estimate: "quadratic" | "linear", s: Layers, t: Layers, width?: number): number {
  const features = [...s.features, ...t.features];
  const predictions = [...s.predictions, ...t.predictions];
  const square = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0);
  const all = features.flatMap((a) => features.map((b) => square(a, b)));
  const mean = width ?? all.reduce((a, b) => a + b, 0) / all.length;
  const kernel = (i: number, j: number) => {
    const distance = square(features[i]!, features[j]!);
    const first = [1 / 8, 1 / 4, 1 / 2, 1, 2].reduce((sum, a) => sum + Math.exp(-distance / (2 * a * mean)), 0);
    return first * Math.exp(-square(predictions[i]!, predictions[j]!) / 1.69);
  };
  if (estimate === "linear") {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const next = (i + 1) % n;
      sum += kernel(i, next) + kernel(n + i, n + next) - kernel(i, n + next) - kernel(next, n + i);
    }
    return sum / n + 2 / (n - 1);
  }
  let [within, between] = [0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (i !== j) within += kernel(i, j) + kernel(n + i, n + j);
      between += kernel(i, n + j) + kernel(n + i, j);
    }
  }
  return within / (n * (n - 1)) - between / n ** 2 + 2 / (n - 1);
}

const meanDistance = (s: Layers, t: Layers) => {
  const rows = [...s.features, ...t.features];
  return (
    rows.flatMap((a) => rows.map((b) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0))).reduce((a, b) => a + b) /
    rows.length ** 2
  );
};

describe.each([
  ["quadratic", jointMmd],
  ["linear", linearJointMmd],
] as const)("JMMD by the %s estimate", (estimate, jointMmd) => {
  it.each([0, 0.5, 2])("is what its definition says, features shifted by %s", async (shift) => {
    const device = await testDevice();
    const [s, t] = [layers(1), layers(2, shift)];
    const up = (rows: number[][]) => device.upload(rows.flat(), [n, rows[0]!.length], "f32");
    const value = await scope(() =>
      jointMmd([up(s.features), up(s.predictions)], [up(t.features), up(t.predictions)]),
    ).item();
    expect(value).toBeCloseTo(reference(estimate, s, t), 4);
  });

  it("has the gradient of its definition, the bandwidth held", async () => {
    const device = await testDevice();
    const [s, t] = [layers(1), layers(2, 0.5)];
    const up = (rows: number[][]) => device.upload(rows.flat(), [n, rows[0]!.length], "f32");
    const [features, predictions] = [up(s.features), up(s.predictions)];
    features.requiresGrad = true;
    predictions.requiresGrad = true;
    backward(jointMmd([features, predictions], [up(t.features), up(t.predictions)]));
    const width = meanDistance(s, t);
    const step = 1e-5;
    for (const [part, tensor] of [
      ["features", features],
      ["predictions", predictions],
    ] as const) {
      const gradient = await tensor.grad!.read();
      const largest = Math.max(...gradient.map(Math.abs));
      expect(largest).toBeGreaterThan(1e-3);
      for (let i = 0; i < gradient.length; i++) {
        const columns = s[part][0]!.length;
        const moved = (by: number) => {
          const copy = structuredClone(s);
          copy[part][Math.floor(i / columns)]![i % columns]! += by;
          return reference(estimate, copy, t, width);
        };
        const expected = (moved(step) - moved(-step)) / (2 * step);
        expect(Math.abs(gradient[i]! - expected), `${part} ${i}`).toBeLessThan(2e-3 * largest);
      }
    }
  });
});
