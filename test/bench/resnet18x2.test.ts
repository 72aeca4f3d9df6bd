import { expect, it } from "vitest";
import { countFlops } from "../../bench/flops.ts";
import { LOSSES, parameters, stepFlops } from "../../bench/peers/model.mjs";
import { TwoStreams } from "../../bench/resnet18x2.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

it("the two-stream step of the peers has their size, their operations and the losses of float64", async () => {
  const device = await testDevice();
  const streams = new TwoStreams(device);
  try {
    let flops = 0;
    for (const expected of LOSSES.slice(0, 2)) {
      streams.before();
      const loss = scope(() => {
        let result: ReturnType<typeof streams.work> | null = null;
        flops = countFlops(device, () => {
          result = streams.work();
        });
        return result!;
      });
      const value = await loss.item();
      loss.dispose();
      expect(Math.abs(value / expected - 1)).toBeLessThan(1e-4);
    }
    // The gradient for the images is not computed: the stems' forward pass once less.
    const stems = 2 * 16 * 64 * 32 * 32 * 49 * (3 + 1);
    expect(flops).toBe(stepFlops() - stems);
    const count = parameters().reduce((total, { values }) => total + values.length, 0);
    expect(count / 1e6).toBeCloseTo(22.4, 1);
  } finally {
    streams.dispose();
    device.pool.trim();
  }
}, 240_000);
