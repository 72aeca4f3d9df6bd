import { expect, it } from "vitest";
import { backward, mean, mul } from "../../src/kernels/index.ts";
import { BatchNorm, Conv2d, Dropout } from "../../src/nn/layers.ts";
import { Init, inference, Module, type Pass, TrainingPass } from "../../src/nn/module.ts";
import { recompute } from "../../src/nn/recompute.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { Program } from "../../src/tensor/program.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

class Part extends Module {
  readonly conv: Conv2d;
  readonly bn: BatchNorm;
  readonly #dropout = new Dropout(0.5);

  constructor(init: Init) {
    super();
    this.conv = new Conv2d(init.at("conv"), 4, 4, { kernel: 3 });
    this.bn = new BatchNorm(init, 4);
  }

  forward(x: Tensor, pass: Pass): Tensor {
    return this.#dropout.forward(this.bn.forward(this.conv.forward(x), pass, { activation: "relu" }), pass);
  }
}

const open = (device: GpuDevice) => [0, 1, 2].map((i) => new Part(new Init(device, new Rng(1, i))));

/** Loss, gradients and running statistics of three parts, kept or computed again. */
async function train(device: GpuDevice, again: boolean) {
  const parts = open(device);
  const x = device.upload(
    Float32Array.from({ length: 2 * 6 * 6 * 4 }, (_, i) => Math.sin(i)),
    [2, 6, 6, 4],
  );
  x.requiresGrad = true;
  const pass = new TrainingPass(new Rng(2));
  const results = scope(() => {
    const run = (y: Tensor, part: Part) => (again ? recompute(part, y, pass) : part.forward(y, pass));
    const y = parts.reduce(run, x as Tensor);
    const loss = mean(mul(y, y));
    backward(loss);
    const parameters = parts.flatMap((part) => [...part.parameters().values()]);
    return [loss, x.grad!, ...parameters.map(({ grad }) => grad!)];
  });
  const statistics = parts.flatMap(({ bn }) => [bn.runningMean, bn.runningVar]);
  const values = await device.readMany([...results, ...statistics]);
  for (const disposable of [x, ...results, ...parts]) disposable.dispose();
  return values;
}

it("gives the same bits as without, and moves running statistics and draws random numbers once", async () => {
  const device = await testDevice();
  const before = device.pool.memory().liveBytes;
  const [kept, again] = [await train(device, false), await train(device, true)];
  expect(again).toEqual(kept);
  expect(kept[1]!.some((value) => value !== 0)).toBe(true);
  expect(device.pool.memory().liveBytes).toBe(before);
});

it("needs less memory in a recorded step", async () => {
  const device = await testDevice();
  const parts = Array.from({ length: 8 }, (_, i) => new Part(new Init(device, new Rng(1, i))));
  const x = device.upload(new Float32Array(4 * 16 * 16 * 4).fill(1), [4, 16, 16, 4]).keep();
  const pass = new TrainingPass(new Rng(2));
  const planned = [false, true].map((again) => {
    const program = Program.record(device, () => {
      const run = (y: Tensor, part: Part) => (again ? recompute(part, y, pass) : part.forward(y, pass));
      const loss = mean(parts.reduce(run, x as Tensor));
      backward(loss);
      return loss;
    });
    const { planned } = program.memory;
    program.dispose();
    for (const part of parts) for (const parameter of part.parameters().values()) parameter.grad = null;
    return planned;
  });
  // Of two maps a part (the convolution's and its own output) one is left, and those of the part in work.
  expect(planned[1]).toBeLessThan(0.7 * planned[0]!);
  for (const disposable of [x, ...parts]) disposable.dispose();
});

it("leaves what is frozen off the tape, and gives the gradients of what is not", async () => {
  const device = await testDevice();
  const gradients = [];
  for (const again of [false, true]) {
    const [frozen, learning] = open(device) as [Part, Part];
    frozen.freeze();
    const x = device.upload(new Float32Array(2 * 6 * 6 * 4).fill(1), [2, 6, 6, 4]);
    const pass = new TrainingPass(new Rng(2));
    const [gradient] = scope(() => {
      const y = [frozen, learning].reduce(
        (map, part) => (again ? recompute(part, map, pass) : part.forward(map, pass)),
        x as Tensor,
      );
      backward(mean(mul(y, y)));
      return [learning.conv.weight.grad!];
    });
    gradients.push(await gradient!.read());
    for (const disposable of [x, gradient!, frozen, learning]) disposable.dispose();
  }
  expect(gradients[1]).toEqual(gradients[0]);
  expect(gradients[0]!.some((value) => value !== 0)).toBe(true);
});

it("does nothing where nothing is recorded", async () => {
  const device = await testDevice();
  const [part] = open(device);
  const x = device.upload(new Float32Array(2 * 5 * 5 * 4).fill(1), [2, 5, 5, 4]);
  const result = scope(() => noGrad(() => recompute(part!, x, inference)));
  expect(result.node).toBeNull();
  for (const disposable of [x, result, part!]) disposable.dispose();
});
