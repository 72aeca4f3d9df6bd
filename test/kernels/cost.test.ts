import { afterEach, describe, expect, it } from "vitest";
import { batchNorm } from "../../src/kernels/batch_norm.ts";
import { conv2d } from "../../src/kernels/conv2d.ts";
import { matmul } from "../../src/kernels/matmul.ts";
import { mmd } from "../../src/kernels/mmd.ts";
import { adamwStep } from "../../src/kernels/optimizer.ts";
import { concat } from "../../src/kernels/shape.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { profileProgram } from "../../src/tensor/profiler.ts";
import { Program } from "../../src/tensor/program.ts";
import { noGrad } from "../../src/tensor/tape.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { families } from "../../src/tensor/variant.ts";
import { testDevice } from "../device.ts";

const made: Tensor[] = [];

/** A tensor of ones that a gradient is wanted for. */
function ones(device: GpuDevice, ...shape: number[]): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const tensor = device.upload(new Float32Array(size).fill(1), shape).keep();
  tensor.requiresGrad = true;
  made.push(tensor);
  return tensor;
}

afterEach(async () => {
  for (const tensor of made.splice(0)) tensor.dispose();
  (await testDevice()).pinned.clear();
});

/** Operations of the forward pass of what `body` does, and of all its gradients; bytes, kernel by kernel. */
async function costOf(device: GpuDevice, body: () => Tensor) {
  const program = Program.record(device, () => {
    const y = body();
    const dy = device.empty(y.shape, "test");
    const { node } = y;
    if (!node?.op.differentiable) return [y];
    const needs = node.inputs.map((input) => input.tracked);
    return [y, ...noGrad(() => node.op.backward(node, dy, needs)).filter((gradient) => gradient !== null)];
  });
  const { spans } = await profileProgram(program, { runs: 1 });
  program.dispose();
  const flops = (gradient: boolean) =>
    Math.round(spans.filter((span) => span.gradient === gradient).reduce((sum, span) => sum + span.flops, 0));
  return { forward: flops(false), gradients: flops(true), spans };
}

describe("operations are those of the op's definition, by every variant", () => {
  const convolutions = ["conv2d", "conv2d_dx", "conv2d_dw"].flatMap((family) =>
    (families().get(family)?.names ?? []).map((variant) => [family, variant] as const),
  );

  it.each(convolutions)("%s by %s", async (family, variant) => {
    const device = await testDevice();
    device.pinned.set(family, variant);
    const [x, w] = [ones(device, 2, 8, 8, 8), ones(device, 3, 3, 8, 12)];
    const { forward, gradients } = await costOf(device, () => conv2d(x, w, null, { padding: 1 }));
    // 2 · 8 · 8 positions, 12 filters of 3 · 3 taps and 8 channels, a multiply-add each.
    const product = 2 * 128 * 12 * 9 * 8;
    expect(forward).toBe(product);
    // Summing up parts of the weight gradient is no part of the definition.
    expect(gradients).toBe(2 * product);
  });

  it("a convolution with stride, groups and a batch of one", async () => {
    const device = await testDevice();
    const [x, w] = [ones(device, 1, 9, 9, 8), ones(device, 3, 3, 4, 8)];
    const { forward } = await costOf(device, () => conv2d(x, w, null, { stride: 2, padding: 1, groups: 2 }));
    // 5 · 5 positions, 8 filters of 9 taps and 4 channels.
    expect(forward).toBe(2 * 25 * 8 * 9 * 4);
  });

  it.each(families().get("matmul")?.names ?? [])("matmul by %s", async (variant) => {
    const device = await testDevice();
    device.pinned.set("matmul", variant);
    const [a, b] = [ones(device, 12, 20), ones(device, 8, 20)];
    const { forward, gradients, spans } = await costOf(device, () => matmul(a, b, { transposeB: true }));
    expect(forward).toBe(2 * 12 * 20 * 8);
    expect(gradients).toBe(2 * forward);
    const [product] = spans.filter(({ gradient }) => !gradient);
    expect(product!.bytes).toBe(4 * (12 * 20 + 8 * 20 + 12 * 8));
  });

  it.each(families().get("mmd_distance")?.names ?? [])("mmd by %s", async (variant) => {
    const device = await testDevice();
    device.pinned.set("mmd_distance", variant);
    const [source, target] = [ones(device, 4, 32), ones(device, 4, 32)];
    const { spans } = await costOf(device, () => mmd(source, target));
    const sum = (test: (kernel: string) => boolean) =>
      Math.round(spans.filter(({ kernel }) => test(kernel)).reduce((total, { flops }) => total + flops, 0));
    // The 36 pairs of 8 rows, with themselves too, of 32 columns: subtract, square, add.
    expect(sum((kernel) => kernel.startsWith("mmd_distance"))).toBe(3 * 36 * 32);
    // Both sets: 4 rows against 8, of 32 columns: subtract, multiply, add.
    expect(sum((kernel) => kernel.startsWith("mmd_dx"))).toBe(2 * 3 * 4 * 8 * 32);
  });
});

it("batch norm: 8 operations a number forwards, 11 backwards; running statistics save the mean and the variance", async () => {
  const device = await testDevice();
  const [x, gamma, beta, mean, variance] = [ones(device, 4, 6, 8), ...[0, 1, 2, 3].map(() => ones(device, 8))] as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const run = (training: boolean) => costOf(device, () => batchNorm(x, gamma, beta, mean, variance, { training }));
  expect(await run(true)).toMatchObject({ forward: 8 * x.size, gradients: 11 * x.size });
  expect(await run(false)).toMatchObject({ forward: 4 * x.size });
});

it("copies count what they move, not the tensors they touch", async () => {
  const device = await testDevice();
  const [a, b] = [ones(device, 4, 6), ones(device, 4, 10)];
  const { spans } = await costOf(device, () => concat([a, b], 1));
  const bytes = spans.filter(({ gradient }) => !gradient).map((span) => span.bytes);
  expect(bytes.sort((p, q) => p - q)).toEqual([2 * 4 * 24, 2 * 4 * 40]);
});

it("an optimiser reads what it overwrites", async () => {
  const device = await testDevice();
  const [parameter, gradient, m, v] = [0, 1, 2, 3].map(() => ones(device, 256)) as [Tensor, Tensor, Tensor, Tensor];
  const numbers = {
    learningRate: 0.1,
    weightDecay: 0,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-8,
    correction1: 1,
    correction2: 1,
  };
  const program = Program.record(device, () =>
    adamwStep(device, { parameter, gradient, m, v, clip: null, ...numbers }),
  );
  const { spans } = await profileProgram(program, { runs: 1 });
  program.dispose();
  // Four tensors read, three of them written.
  expect(spans.map(({ op, bytes }) => [op, bytes])).toEqual([["adamw", 7 * 4 * 256]]);
});
