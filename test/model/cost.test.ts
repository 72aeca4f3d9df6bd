import { expect, it } from "vitest";
import { predictionCost } from "../../src/model/cost.ts";
import { buildMethod, type MethodName } from "../../src/model/methods.ts";
import { defaultWeights } from "../../src/model/objective.ts";
import { Predictor } from "../../src/model/predictor.ts";
import type { Task } from "../../src/model/task.ts";
import type { HostBatch } from "../../src/model/train.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { testDevice } from "../device.ts";

function batch(size: number, task: Task): HostBatch {
  const pixels = size * 32 * 32;
  return {
    size,
    width: 32,
    height: 32,
    rgb: new Float32Array(3 * pixels),
    depth: new Float32Array(pixels),
    target: new Uint32Array(task === "segment" ? pixels : size),
  };
}

async function costs(name: MethodName, task: Task = "classify", size = 1) {
  const device = await testDevice();
  const method = buildMethod(name, device, new Rng(1), {
    task,
    model: "tiny",
    classes: 3,
    fusion: "deep",
    normalise: true,
    privileged: "frozen",
    weights: defaultWeights,
  });
  const predictor = new Predictor(device, method);
  try {
    const cost = (head?: "averaged") => predictionCost(predictor, batch(size, task), head);
    const parameters = method.network.parameterCount();
    return {
      fused: cost(),
      averaged: cost("averaged"),
      parameters,
      memory: predictor.program(batch(size, task)).memory,
    };
  } finally {
    predictor.dispose();
    method.network.dispose();
  }
}

/** Operations of the tiny encoder on 32x32 pixels, by hand: two for each multiply-add of its convolutions. */
function convolutions(input: number): number {
  const conv = (side: number, kernel: number, from: number, to: number) =>
    2 * side * side * kernel * kernel * from * to;
  const stem = conv(16, 3, input, 16);
  // A stage of one basic block: two 3x3 convolutions, and a 1x1 one on the way around where the shape changes.
  const block = (side: number, from: number, to: number) =>
    conv(side, 3, from, to) + conv(side, 3, to, to) + conv(side, 1, from, to);
  return stem + block(8, 16, 24) + block(4, 24, 48) + block(2, 48, 96);
}

it("counts the convolutions of a network as they are by hand, and little else", async () => {
  const { fused, averaged } = await costs("rgb-only");
  const expected = convolutions(3) + 2 * 96 * 3;
  expect(fused.flops).toBeGreaterThan(expected);
  expect(fused.flops).toBeLessThan(1.03 * expected);
  expect(averaged).toEqual(fused);
});

it("counts in proportion to the images", async () => {
  const [one, four] = [await costs("rgb-only"), await costs("rgb-only", "classify", 4)];
  expect(four.fused.flops).toBe(4 * one.fused.flops);
  expect(four.fused.peakBytes).toBeGreaterThan(one.fused.peakBytes);
});

it("memory holds the weights, the image and at least two maps of the stem, and no more than the whole plan", async () => {
  const { fused, parameters, memory } = await costs("rgb-only");
  const image = 4 * 3 * 32 * 32;
  expect(fused.peakBytes).toBeGreaterThan(4 * parameters + image);
  // Buffers come in steps, so that small ones take more than their elements.
  expect(fused.peakBytes).toBeLessThan(4 * parameters + image + memory.planned + 100 * 256);
});

it("leaves out the head that is not asked", async () => {
  const { fused, averaged } = await costs("one-stage-rgb", "segment");
  expect(averaged.flops).toBeGreaterThan(1.1 * fused.flops);
  expect(averaged.dispatches).toBeGreaterThan(fused.dispatches + 10);
  expect(averaged.peakBytes).toBeGreaterThan(fused.peakBytes);
  const alone = await costs("rgb-only", "segment");
  expect(fused.flops).toBeGreaterThan(1.5 * alone.fused.flops);
});
