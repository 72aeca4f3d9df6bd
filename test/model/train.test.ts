import { describe, expect, it } from "vitest";
import { buildMethod, type MethodName, type NetworkConfig, predict } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { defaultTraining, type HostBatch, type TrainConfig, Trainer, upload } from "../../src/model/train.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { NonFiniteError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

const classes = 3;
const base: NetworkConfig = {
  model: "tiny",
  classes,
  fusion: "deep",
  normalise: true,
  privileged: "frozen",
  weights: defaultWeights,
};

/** Images whose class is their brightness: learnable in a few steps. */
function batchOf(seed: number, size = 8, side = 16): HostBatch {
  const rng = new Rng(seed);
  const target = Uint32Array.from({ length: size }, () => rng.int(classes));
  const image = (channels: number) =>
    Float32Array.from({ length: size * side * side * channels }, (_, i) => {
      const label = target[Math.floor(i / (side * side * channels))]!;
      return label - 1 + rng.uniform(-0.3, 0.3);
    });
  return { size, height: side, width: side, rgb: image(3), depth: image(1), target };
}

function setUp(
  device: GpuDevice,
  name: MethodName,
  config: NetworkConfig,
  steps: number,
  training: Partial<TrainConfig> = {},
) {
  const rng = new Rng(4);
  const privileged = buildMethod("privileged-depth", device, rng.fork("p"), config);
  const method = buildMethod(name, device, rng.fork("network"), config, { privileged });
  const trainer = new Trainer(device, method, { ...defaultTraining(steps), ...training }, rng.fork("train"));
  const close = () => {
    trainer.dispose();
    method.network.dispose();
    method.trained.get("privileged")?.dispose();
    privileged.network.dispose();
  };
  return { method, trainer, close };
}

it.each([
  ["rgb-only", base],
  ["one-stage-rgb", base],
  ["one-stage-rgb", { ...base, privileged: "online", fusion: "mid" }],
  ["one-stage-depth", { ...base, privileged: "online" }],
  ["rgbd", base],
] as [MethodName, NetworkConfig][])("%s learns", async (name, config) => {
  const device = await testDevice();
  const { trainer, close } = setUp(device, name, config, 20);
  const first = await trainer.step(batchOf(0));
  let last = first;
  for (let step = 1; step < 20; step++) last = await trainer.step(batchOf(step));
  expect(last.losses.task!).toBeLessThan(0.7 * first.losses.task!);
  expect(last.correct).toBeGreaterThan(4);
  expect(last.skipped).toBe(false);
  close();
});

it("holds no more memory after 12 steps than after 3, and makes no more buffers", async () => {
  const device = await testDevice();
  const { trainer, close } = setUp(device, "one-stage-rgb", base, 12);
  for (let step = 0; step < 3; step++) await trainer.step(batchOf(step));
  const before = device.pool.memory();
  for (let step = 3; step < 12; step++) await trainer.step(batchOf(step));
  const after = device.pool.memory();
  expect(after.liveBytes).toBe(before.liveBytes);
  expect(after.liveBuffers).toBe(before.liveBuffers);
  expect(after.created).toBe(before.created);
  close();
});

it("goes on after a restore as if nothing had happened", async () => {
  const device = await testDevice();
  const whole = setUp(device, "one-stage-rgb", base, 6);
  for (let step = 0; step < 6; step++) await whole.trainer.step(batchOf(step));
  const first = setUp(device, "one-stage-rgb", base, 6);
  for (let step = 0; step < 2; step++) await first.trainer.step(batchOf(step));
  const saved = await first.trainer.state();
  const second = setUp(device, "one-stage-rgb", base, 6);
  // Some other course first: restoring must forget it.
  await second.trainer.step(batchOf(99));
  second.trainer.restore(saved, 2, "checkpoint");
  expect(second.trainer.steps).toBe(2);
  for (let step = 2; step < 6; step++) await second.trainer.step(batchOf(step));
  expect(await second.trainer.state()).toEqual(await whole.trainer.state());
  for (const run of [whole, first, second]) run.close();
});

/** Whether two arrays have the same numbers: much faster than `toEqual`. */
const alike = (a: Float32Array, b: Float32Array) =>
  a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

describe("terms that rise to their weight", () => {
  const weights = { ...defaultWeights, jmmd: 0.5, sigmoid: 0.25 };
  const config = { ...base, weights };

  it.each([{ replay: true }, { replay: false }, { accumulate: 2 }, { accumulate: 2, replay: false }])(
    "have a k-th of it in the k-th step, all of it from then on, and no other term has less: %o",
    async (more) => {
      const device = await testDevice();
      const { trainer, close } = setUp(device, "one-stage-rgb", config, 6, { ...more, ramp: 4 });
      for (const share of [1 / 4, 2 / 4, 3 / 4, 1, 1]) {
        const { losses } = await trainer.step(batchOf(trainer.steps));
        const { total, task, hall, mmd, kl, jmmd, sigmoid, translation } = losses as Record<string, number>;
        const rising = weights.alpha * mmd! + weights.beta * kl! + weights.jmmd * jmmd! + weights.sigmoid * sigmoid!;
        const others = task! + weights.hall * hall! + weights.lambda * translation!;
        expect(rising).toBeGreaterThan(0.5);
        expect(total! - others).toBeCloseTo(share * rising, 4);
      }
      close();
    },
  );

  it.each([1, 2])(
    "go on after a restore to the same bits, replayed as eager, in %i rounds a step",
    async (accumulate) => {
      const device = await testDevice();
      const options = { accumulate, ramp: 5 };
      const whole = setUp(device, "one-stage-rgb", config, 6, options);
      const eager = setUp(device, "one-stage-rgb", config, 6, { ...options, replay: false });
      const reports = [];
      for (let step = 0; step < 6; step++) {
        reports.push(await whole.trainer.step(batchOf(step)));
        expect(await eager.trainer.step(batchOf(step))).toEqual(reports[step]);
      }
      const first = setUp(device, "one-stage-rgb", config, 6, options);
      for (let step = 0; step < 2; step++) await first.trainer.step(batchOf(step));
      const second = setUp(device, "one-stage-rgb", config, 6, options);
      await second.trainer.step(batchOf(99));
      second.trainer.restore(await first.trainer.state(), 2, "checkpoint");
      for (let step = 2; step < 6; step++) expect(await second.trainer.step(batchOf(step))).toEqual(reports[step]);
      const state = await whole.trainer.state();
      for (const { trainer } of [second, eager]) {
        for (const [name, values] of await trainer.state()) expect(alike(values, state.get(name)!), name).toBe(true);
      }
      for (const run of [whole, eager, first, second]) run.close();
    },
  );

  it("are all there at once with a ramp of one step, as without any", async () => {
    const device = await testDevice();
    const runs = [0, 1].map((ramp) => setUp(device, "one-stage-rgb", config, 2, { ramp }));
    const [plain, ramped] = [await runs[0]!.trainer.step(batchOf(0)), await runs[1]!.trainer.step(batchOf(0))];
    expect(ramped).toEqual(plain);
    for (const run of runs) run.close();
  });
});

it("skips steps that are not finite and stops after ten in a row", async () => {
  const device = await testDevice();
  const { trainer, close } = setUp(device, "rgb-only", base, 20);
  await trainer.step(batchOf(0));
  const before = await trainer.state();
  const poisoned = batchOf(1);
  poisoned.rgb[5] = Number.NaN;
  const report = await trainer.step(poisoned);
  expect(report.skipped).toBe(true);
  const after = await trainer.state();
  for (const [name, values] of before) {
    // Those of channels that stayed finite move.
    if (name.includes("running")) expect(Array.from(after.get(name)!).every(Number.isFinite), name).toBe(true);
    else expect(after.get(name), name).toEqual(values);
  }
  const steps = async () => {
    for (let i = 0; i < 10; i++) await trainer.step(poisoned);
  };
  await expect(steps()).rejects.toThrow(NonFiniteError);
  close();
});

it("needs P for training but not for prediction", async () => {
  const device = await testDevice();
  const method = buildMethod("one-stage-rgb", device, new Rng(1), base);
  const host = batchOf(0);
  const { rgb } = upload(device, host);
  const { logits, hallucinated } = predict(method, { rgb });
  expect(logits.shape).toEqual([host.size, classes]);
  expect(hallucinated!.shape).toEqual([host.size, classes]);
  expect([...method.network.state().keys()].some((name) => name.includes("privileged"))).toBe(false);
  const trainer = new Trainer(device, method, defaultTraining(1), new Rng(1));
  await expect(trainer.step(host)).rejects.toThrow("expected a trained network as privileged, got none");
  for (const tensor of [rgb, logits, hallucinated]) tensor?.dispose();
  trainer.dispose();
  method.network.dispose();
});
