import { expect, it, type TestContext } from "vitest";
import { buildMethod, type MethodName, type NetworkConfig } from "../../src/model/methods.ts";
import { defaultWeights, segmentationWeights } from "../../src/model/objective.ts";
import type { Task } from "../../src/model/task.ts";
import { defaultTraining, type HostBatch, Trainer } from "../../src/model/train.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { fromHalf, toHalf } from "../../src/tensor/half.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

const classes = 3;
const side = 24;

async function halfDevice(context: TestContext): Promise<GpuDevice> {
  const device = await testDevice();
  if (!device.gpu.features.has("shader-f16")) context.skip("the adapter has no shader-f16");
  return device;
}

/** Images whose class, and that of each of their pixels, is their brightness. */
function batchOf(seed: number, task: Task, size = 8): HostBatch {
  const rng = new Rng(seed);
  const labels = Uint32Array.from({ length: size }, () => rng.int(classes));
  const pixels = side * side;
  const image = (channels: number) =>
    Float32Array.from({ length: size * pixels * channels }, (_, i) => {
      const label = labels[Math.floor(i / (pixels * channels))]!;
      return label - 1 + rng.uniform(-0.3, 0.3);
    });
  const each = Uint32Array.from({ length: size * pixels }, (_, i) => labels[Math.floor(i / pixels)]!);
  return {
    size,
    height: side,
    width: side,
    rgb: image(3),
    depth: image(1),
    target: task === "segment" ? each : labels,
  };
}

function open(device: GpuDevice, name: MethodName, task: Task, precision: "f32" | "f16") {
  const rng = new Rng(4);
  const weights = task === "segment" ? segmentationWeights : defaultWeights;
  const config: NetworkConfig = {
    ...{ task, model: "tiny", classes, fusion: "deep", normalise: true, privileged: "frozen", weights, precision },
  };
  const missing = name === "one-stage-depth" ? "privileged-rgb" : "privileged-depth";
  const privileged = buildMethod(missing, device, rng.fork("p"), config);
  const method = buildMethod(name, device, rng.fork("network"), config, { privileged });
  const trainer = new Trainer(device, method, defaultTraining(20), rng.fork("train"));
  const close = () => {
    for (const one of [trainer, method.network, privileged.network]) one.dispose();
  };
  return { trainer, close };
}

it.each([
  ["one-stage-rgb", "classify"],
  ["one-stage-depth", "segment"],
  ["rgbd", "classify"],
] as [MethodName, Task][])("%s learns to %s with maps of f16, as with f32", async (name, task) => {
  const device = await testDevice();
  if (!device.gpu.features.has("shader-f16")) {
    const { trainer, close } = open(device, name, task, "f16");
    await expect(trainer.step(batchOf(0, task))).rejects.toThrow("expected an adapter with shader-f16");
    return close();
  }
  const [half, full] = [open(device, name, task, "f16"), open(device, name, task, "f32")];
  const reports = [await half.trainer.step(batchOf(0, task)), await full.trainer.step(batchOf(0, task))];
  expect(reports[0]!.losses.total).toBeCloseTo(reports[1]!.losses.total!, 1);
  expect(reports[0]!.gradientNorm / reports[1]!.gradientNorm).toBeCloseTo(1, 1);
  // Weight gradients, transforms of Winograd's and what MK-MMD compares stay f32.
  const memory = [half, full].map(({ trainer }) => trainer.program(batchOf(0, task, 64)).memory.leastPossible);
  expect(memory[0]).toBeLessThan(0.75 * memory[1]!);
  let last = reports[0]!;
  for (let step = 1; step < 20; step++) last = await half.trainer.step(batchOf(step, task));
  expect(last.losses.task!).toBeLessThan(0.7 * reports[0]!.losses.task!);
  expect(last.skipped).toBe(false);
  half.close();
  full.close();
});

it("keeps its weights in f32 and its loss scale in the checkpoint, and goes on from there byte for byte", async (context) => {
  const device = await halfDevice(context);
  const straight = open(device, "one-stage-rgb", "classify", "f16");
  for (let step = 0; step < 3; step++) await straight.trainer.step(batchOf(step, "classify"));
  const middle = await straight.trainer.state();
  expect([...middle.get("optimiser.loss_scale")!]).toEqual([2 ** 15]);
  expect([...middle.get("optimiser.good_steps")!]).toEqual([3]);
  const weight = middle.get("network.a.conv1.weight")!;
  expect(weight.every((value) => fromHalf(toHalf(value)) === value)).toBe(false);
  const resumed = open(device, "one-stage-rgb", "classify", "f16");
  resumed.trainer.restore(middle, 3, "checkpoint");
  for (let step = 3; step < 5; step++) {
    expect(await resumed.trainer.step(batchOf(step, "classify"))).toEqual(
      await straight.trainer.step(batchOf(step, "classify")),
    );
  }
  expect(await resumed.trainer.state()).toEqual(await straight.trainer.state());
  straight.close();
  resumed.close();
});

it("skips a step whose gradients f16 cannot hold, and halves the scale", async (context) => {
  const device = await halfDevice(context);
  const { trainer, close } = open(device, "one-stage-rgb", "classify", "f16");
  const state = await trainer.state();
  state.get("optimiser.loss_scale")!.fill(2 ** 24);
  trainer.restore(state, 0, "checkpoint");
  const before = (await trainer.state()).get("network.a.conv1.weight");
  const report = await trainer.step(batchOf(0, "classify"));
  expect(report.skipped).toBe(true);
  const after = await trainer.state();
  expect(after.get("network.a.conv1.weight")).toEqual(before);
  expect([...after.get("optimiser.loss_scale")!]).toEqual([2 ** 23]);
  close();
});
