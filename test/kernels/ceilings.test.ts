import { describe, expect, it } from "vitest";
import { measureCeilings } from "../../src/kernels/ceilings.ts";
import { kernels } from "../../src/tensor/kernel.ts";
import { Stopwatch } from "../../src/tensor/timing.ts";
import { testDevice } from "../device.ts";

const kernel = (name: string) => kernels().get(name)!;

describe("the ceilings of the adapter", () => {
  it("are the best rounds, and leave no memory behind", async () => {
    const device = await testDevice();
    const before = device.pool.memory().liveBytes;
    const { flops, bytes, dispatch, rounds, source } = await measureCeilings(device, { seconds: 0.1 });
    expect(rounds.flops.length).toBeGreaterThanOrEqual(5);
    expect(flops).toBe(Math.max(...rounds.flops));
    expect(bytes).toBe(Math.max(...rounds.bytes));
    // Wider than anything from a phone's processor to tomorrow's accelerator.
    expect(flops).toBeGreaterThan(1e8);
    expect(flops).toBeLessThan(1e16);
    expect(dispatch).toBe(Math.min(...rounds.dispatch));
    expect(dispatch).toBeGreaterThan(0);
    expect(dispatch).toBeLessThan(0.01);
    expect(bytes).toBeGreaterThan(1e7);
    expect(bytes).toBeLessThan(1e14);
    expect(source).toBe(device.gpu.features.has("timestamp-query") ? "timestamps" : "wall time");
    expect(device.pool.memory().liveBytes).toBe(before);
  });

  it("the arithmetic is done: twelve chains that run to 1", async () => {
    const device = await testDevice();
    const y = device.upload(new Float32Array(100), [100]);
    const params = { n: 99, steps: 8, factor: 0.5, addend: 0.5 };
    kernel("fma_peak").run(device, { y }, params, { threads: 99 });
    expect(Array.from(await y.read())).toEqual([...new Array(99).fill(12), 0]);
    y.dispose();
  });

  it("more steps take longer in proportion: no compiler has seen through it", async () => {
    const device = await testDevice();
    const y = device.empty([1024], "test");
    const stopwatch = new Stopwatch(device);
    const best = async (steps: number) => {
      let seconds = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 7; round++) {
        const params = { n: 1024, steps, factor: 0.5, addend: 0.5 };
        const took = await stopwatch.time(() => kernel("fma_peak").run(device, { y }, params, { threads: 1024 }));
        seconds = Math.min(seconds, took);
      }
      return seconds;
    };
    await best(1);
    const [few, many] = [await best(500), await best(8000)];
    expect(many / few).toBeGreaterThan(4);
    stopwatch.dispose();
    y.dispose();
  });

  it.each([
    { lanes: 64, each: 4 },
    { lanes: 8, each: 64 },
    { lanes: 64, each: 1 },
  ])("the copy copies its slice and nothing else: $lanes lanes, $each vectors each", async (walk) => {
    const device = await testDevice();
    const values = Float32Array.from({ length: 8192 }, (_, i) => i + 1);
    const x = device.upload(values, [8192]);
    const y = device.upload(new Float32Array(8192), [8192]);
    const slice = { first: 100, end: 1700 };
    const threads = Math.ceil(1600 / walk.each / walk.lanes) * walk.lanes;
    kernel("copy_bandwidth").run(device, { x, y }, { ...slice, ...walk }, { threads });
    const expected = values.map((value, i) => (i >= 400 && i < 6800 ? value : 0));
    expect(await y.read()).toEqual(expected);
    for (const tensor of [x, y]) tensor.dispose();
  });
});
