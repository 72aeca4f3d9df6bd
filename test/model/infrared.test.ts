import { expect, it } from "vitest";
import { cast } from "../../src/kernels/cast.ts";
import { crossEntropy } from "../../src/kernels/loss.ts";
import { globalAvgPool } from "../../src/kernels/pool.ts";
import type { Method } from "../../src/model/methods.ts";
import { defaultTraining, type HostBatch, Trainer, upload } from "../../src/model/train.ts";
import { restoreDistance } from "../../src/model/transfer.ts";
import { Linear } from "../../src/nn/layers.ts";
import { Init } from "../../src/nn/module.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

/** Images whose class is whether their infrared is above 0; nothing else tells. */
function batchOf(seed: number): HostBatch {
  const rng = new Rng(seed);
  const [size, side] = [8, 4];
  const target = Uint32Array.from({ length: size }, () => rng.int(2));
  const pixels = size * side * side;
  const ir = Float32Array.from({ length: pixels }, (_, i) => 2 * target[Math.floor(i / 16)]! - 1 + rng.uniform(-1, 1));
  return {
    ...{ size, height: side, width: side, target, ir },
    rgb: new Float32Array(3 * pixels),
    depth: new Float32Array(pixels),
  };
}

it.each([
  ["replayed", { replay: true }],
  ["in two rounds", { accumulate: 2 }],
  ["built anew in each step", { replay: false }],
])("infrared reaches the network, %s", async (_, options) => {
  const device = await testDevice();
  const network = new Linear(new Init(device, new Rng(1)), 1, 2);
  const method = {
    ...{ name: "rgb-only", task: "classify", seen: "rgb", half: false, network },
    trained: new Map([["network", network]]),
    loss({ ir, target }) {
      const scores = network.forward(globalAvgPool(ir!));
      const total = crossEntropy(scores, target!);
      return { total, parts: { task: total }, scores, target: target! };
    },
  } as Pick<Method, "name" | "task" | "seen" | "half" | "network" | "trained" | "loss"> as Method;
  const training = { ...defaultTraining(30), learningRate: 0.3, ...options };
  const trainer = new Trainer(device, method, training, new Rng(2));
  let correct = 0;
  for (let step = 0; step < 30; step++) correct = (await trainer.step(batchOf(step))).correct;
  expect(correct).toBe(8);
  const { ir } = upload(device, batchOf(0));
  expect(ir?.shape).toEqual([8, 4, 4, 1]);
  expect(await ir!.read()).toEqual(batchOf(0).ir);
  trainer.dispose();
  network.dispose();
});

it("a loss on depth counts the pixels that were measured, at the mean depth too, and no others", async () => {
  const device = await testDevice();
  // As makeBatch writes them: 0 is missing, 1e-18 is the mean.
  const depth = device.upload(Float32Array.of(0, 1e-18, 2, 0), [1, 2, 2, 1]);
  const predicted = device.upload(Float32Array.of(50, 3, 1, 70), [1, 2, 2, 1]);
  expect(await restoreDistance(predicted, depth).item()).toBeCloseTo((3 + 1) / 2, 5);
});

it("a loss on depth takes what is predicted from maps of halves", async (context) => {
  const device = await testDevice();
  if (!device.gpu.features.has("shader-f16")) context.skip("the adapter has no shader-f16");
  const [depth, predicted] = [device.upload([2, 3], [1, 1, 2, 1]), device.upload([1, 5], [1, 1, 2, 1])];
  expect(await restoreDistance(cast(predicted, "f16"), depth).item()).toBeCloseTo((1 + 2) / 2, 5);
});
