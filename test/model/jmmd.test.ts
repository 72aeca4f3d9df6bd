import { describe, expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { jointMmd, linearJointMmd } from "../../src/model/jmmd.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

const [n, d, k] = [6, 5, 3];

/** Rows of features, of one layer or more, and of probabilities. */
function layers(seed: number, { shift = 0, depth = 1 } = {}) {
  const rng = new Rng(seed);
  const features = Array.from({ length: depth }, (_, layer) =>
    Array.from({ length: n }, () => Array.from({ length: d + layer }, () => rng.uniform(-1, 1) + shift)),
  );
  const predictions = Array.from({ length: n }, () => {
    const raw = Array.from({ length: k }, () => rng.uniform(0.1, 1));
    const total = raw.reduce((a, b) => a + b, 0);
    return raw.map((value) => value / total);
  });
  return { features, predictions };
}

type Layers = ReturnType<typeof layers>;

const square = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0);

/** The mean squared distance of the features of two batches together, layer by layer. */
function meanDistances(s: Layers, t: Layers): number[] {
  return s.features.map((layer, l) => {
    const rows = [...layer, ...t.features[l]!];
    return rows.flatMap((a) => rows.map((b) => square(a, b))).reduce((a, b) => a + b) / rows.length ** 2;
  });
}

/** JMMD in float64, word for word: product of the layers' kernels, by the quadratic or the linear estimate, plus 2/(B-1). */
function reference(estimate: "quadratic" | "linear", s: Layers, t: Layers, widths = meanDistances(s, t)): number {
  const features = s.features.map((layer, l) => [...layer, ...t.features[l]!]);
  const predictions = [...s.predictions, ...t.predictions];
  const kernel = (i: number, j: number) => {
    const ofFeatures = features.map((rows, l) => {
      const distance = square(rows[i]!, rows[j]!);
      return [1 / 8, 1 / 4, 1 / 2, 1, 2].reduce((sum, a) => sum + Math.exp(-distance / (2 * a * widths[l]!)), 0);
    });
    return ofFeatures.reduce((a, b) => a * b) * Math.exp(-square(predictions[i]!, predictions[j]!) / 1.69);
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

describe.each([
  ["quadratic", jointMmd],
  ["linear", linearJointMmd],
] as const)("JMMD by the %s estimate", (estimate, jointMmd) => {
  const up = (device: GpuDevice, rows: number[][]) => device.upload(rows.flat(), [n, rows[0]!.length], "f32");
  const all = (device: GpuDevice, { features, predictions }: Layers) =>
    [...features, predictions].map((rows) => up(device, rows)) as [...Tensor[], Tensor];

  it.each([{ shift: 0 }, { shift: 0.5 }, { shift: 2 }, { shift: 0.5, depth: 3 }])(
    "is what its definition says, features with %o",
    async (how) => {
      const device = await testDevice();
      const [s, t] = [layers(1, { ...how, shift: 0 }), layers(2, how)];
      const value = await scope(() => jointMmd(all(device, s), all(device, t))).item();
      // Each layer more has five kernels more, multiplied.
      const scale = 5 ** (s.features.length - 1);
      expect(value / scale).toBeCloseTo(reference(estimate, s, t) / scale, 4);
    },
  );

  it.each([1, 2])("has the gradient of its definition, the bandwidths held, of %d layers", async (depth) => {
    const device = await testDevice();
    const [s, t] = [layers(1, { depth }), layers(2, { shift: 0.5, depth })];
    const source = all(device, s);
    for (const tensor of source) tensor.requiresGrad = true;
    backward(jointMmd(source, all(device, t)));
    const widths = meanDistances(s, t);
    const step = 1e-5;
    for (const [part, tensor] of source.entries()) {
      const rowsOf = (of: Layers) => of.features[part] ?? of.predictions;
      const gradient = await tensor.grad!.read();
      const largest = Math.max(...gradient.map(Math.abs));
      expect(largest).toBeGreaterThan(1e-3);
      for (let i = 0; i < gradient.length; i++) {
        const columns = rowsOf(s)[0]!.length;
        const moved = (by: number) => {
          const copy = structuredClone(s);
          rowsOf(copy)[Math.floor(i / columns)]![i % columns]! += by;
          return reference(estimate, copy, t, widths);
        };
        const expected = (moved(step) - moved(-step)) / (2 * step);
        expect(Math.abs(gradient[i]! - expected), `layer ${part}, ${i}`).toBeLessThan(2e-3 * largest);
      }
    }
  });
});
