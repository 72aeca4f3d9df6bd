import { describe, expect, it } from "vitest";
import { oneCycle } from "../../src/nn/schedule.ts";
import { learningRate, type Schedule } from "../../src/nn/schedules.ts";
import golden from "../golden/schedules.json" with { type: "json" };

const base: Schedule = {
  ...{ kind: "constant", peak: 1, steps: 12, warmup: 0, startDivisor: 10, endDivisor: 1000, milestones: [] },
};
const rates = (changes: Partial<Schedule>) => {
  const schedule = { ...base, ...changes };
  return Array.from({ length: schedule.steps }, (_, step) => learningRate(schedule, step));
};

describe("a learning rate", () => {
  it.each(golden)("follows PyTorch %#", ({ options, rates: expected }) => {
    const { kind, lr, total, warm, milestones = [] } = options;
    const found = rates({
      ...{ kind: kind as Schedule["kind"], peak: lr, steps: total, warmup: warm / total },
      milestones: milestones.map((step) => step / total),
    });
    for (const [step, rate] of expected.entries()) expect(Math.abs(found[step]! - rate), `${step}`).toBeLessThan(1e-12);
  });

  it("is the peak all along, or behind a linear warm-up", () => {
    expect(rates({ steps: 3 })).toEqual([1, 1, 1]);
    expect(rates({ steps: 6, warmup: 0.5, peak: 3 })).toEqual([1, 2, 3, 3, 3, 3]);
  });

  it("falls to a tenth at every milestone, a share of the whole training", () => {
    const tenths = [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001];
    for (const [step, rate] of rates({ kind: "steps", milestones: [1 / 6, 1 / 3, 1 / 2] }).entries()) {
      expect(rate).toBeCloseTo(tenths[step]!, 12);
    }
    // The warm-up's steps count.
    expect(rates({ kind: "steps", steps: 8, warmup: 0.25, milestones: [0.5] })).toEqual([
      ...[0.5, 1, 1, 1],
      ...[0.1, 0.1, 0.1, 0.1],
    ]);
  });

  it("falls along a cosine to zero behind the warm-up", () => {
    const found = rates({ kind: "cosine", steps: 5, warmup: 0.2, peak: 4 });
    for (const [step, rate] of [4, 4, 2 + Math.SQRT2, 2, 2 - Math.SQRT2].entries()) {
      expect(found[step]).toBeCloseTo(rate, 12);
    }
  });

  it("goes through one cycle", () => {
    const changes = { kind: "one-cycle", steps: 20, warmup: 0.1, startDivisor: 25, endDivisor: 25e4 } as const;
    for (const [step, rate] of rates(changes).entries()) expect(rate).toBe(oneCycle({ ...base, ...changes }, step));
  });

  it("stays finite, positive and at most the peak for the shortest trainings", () => {
    for (const kind of ["one-cycle", "cosine", "steps", "constant"] as const) {
      for (const warmup of [0, 0.2, 0.5, 0.99]) {
        for (const steps of [1, 2, 3]) {
          for (const rate of rates({ kind, warmup, steps, milestones: [0.995] })) {
            expect(rate, `${kind} ${warmup} ${steps}`).toBeGreaterThan(0);
            expect(rate).toBeLessThanOrEqual(1);
          }
        }
      }
    }
  });
});
