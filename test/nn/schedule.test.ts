import { expect, it } from "vitest";
import { oneCycle } from "../../src/nn/schedule.ts";
import golden from "../golden/one_cycle.json" with { type: "json" };

it.each(golden)("follows PyTorch's OneCycleLR %#", ({ options, rates }) => {
  const { max_lr, total_steps, pct_start, div_factor, final_div_factor } = options;
  const config = {
    peak: max_lr,
    steps: total_steps,
    warmup: pct_start,
    startDivisor: div_factor,
    endDivisor: div_factor * final_div_factor,
  };
  for (const [step, expected] of rates.entries()) {
    expect(Math.abs(oneCycle(config, step) - expected)).toBeLessThan(1e-9 * max_lr);
  }
});

it("stays finite for the shortest trainings", () => {
  for (const steps of [1, 2, 3]) {
    for (let step = 0; step < steps; step++) {
      const rate = oneCycle({ peak: 1, steps, warmup: 0.2, startDivisor: 10, endDivisor: 1000 }, step);
      expect(rate).toBeGreaterThan(0);
      expect(rate).toBeLessThanOrEqual(1);
    }
  }
});
