import adamwSource from "../../shaders/adamw.wgsl";
import gridLib from "../../shaders/lib/grid.wgsl";
import sgdSource from "../../shaders/sgd.wgsl";
import { type Live, now } from "../tensor/command.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { defineKernel } from "../tensor/kernel.ts";
import { expect } from "../tensor/shape.ts";
import { expectShape, type Tensor } from "../tensor/tensor.ts";

const sgdKernel = defineKernel({
  name: "sgd",
  source: sgdSource,
  include: [gridLib],
  bindings: { gradient: "read", clip: "read", parameter: "write", velocity: "write" },
  params: {
    n: "u32",
    clipped: "u32",
    nesterov: "u32",
    decayed: "u32",
    learning_rate: "f32",
    momentum: "f32",
    weight_decay: "f32",
  },
  constants: ["MOMENTUM"],
  // Decay, momentum, Nesterov's look ahead and the step: a multiply-add each. Parameter and velocity are read and written.
  cost({ parameter: { size }, velocity }) {
    return velocity.size === size ? { flops: 8 * size, bytes: 20 * size } : { flops: 4 * size, bytes: 12 * size };
  },
});

const adamwKernel = defineKernel({
  name: "adamw",
  source: adamwSource,
  include: [gridLib],
  bindings: { gradient: "read", clip: "read", parameter: "write", m: "write", v: "write" },
  params: {
    n: "u32",
    clipped: "u32",
    decayed: "u32",
    shrunk: "u32",
    keep1: "f32",
    take1: "f32",
    keep2: "f32",
    take2: "f32",
    weight_decay: "f32",
    decay: "f32",
    step: "f32",
    root: "f32",
    eps: "f32",
  },
  // Two moments: 3 and 4. Root, divide, add eps, divide, multiply by the rate, decay, subtract. Moments and parameter are
  // read and written.
  cost: ({ parameter }) => ({ flops: 14 * parameter.size, bytes: 28 * parameter.size }),
});

/** What both kinds of steps have: a parameter and its gradient of any one shape, and how the step is made. */
interface Step {
  parameter: Tensor;
  gradient: Tensor;
  learningRate: Live;
  weightDecay: number;
  /** So many elements from the first on decay, a multiple of 4 or all (the default). */
  decayed?: number;
  /** One element that the gradient is multiplied with; 0 skips the step. */
  clip: Tensor | null;
}

/** What one step of gradient descent changes (parameter, velocity) and how. */
export interface SgdStep extends Step {
  /** Null without momentum. */
  velocity: Tensor | null;
  momentum: number;
  nesterov: boolean;
}

/** What one step of AdamW or Adam changes (parameter, m, v) and how; corrections are 1 - beta^t. */
export interface AdamwStep extends Step {
  /** Whether the weight decay is part of the gradient, as Adam has it, and not apart from it (the default). */
  coupled?: boolean;
  m: Tensor;
  v: Tensor;
  beta1: number;
  beta2: number;
  eps: number;
  correction1: Live;
  correction2: Live;
}

function checkStep(op: string, { parameter, clip, decayed }: Step, others: Record<string, Tensor>): void {
  for (const [name, tensor] of Object.entries(others)) expectShape(op, name, tensor, parameter.shape);
  expect(clip === null || clip.size === 1, op, "a clip of one element", `${clip?.size} elements`);
  const whole = decayed === undefined || (Number.isInteger(decayed) && decayed >= 0 && decayed % 4 === 0);
  expect(whole, op, "decayed elements in fours", String(decayed));
}

function checkNumbers(op: string, numbers: Record<string, Live>, holds: (value: number) => boolean, rule: string) {
  for (const [name, value] of Object.entries(numbers))
    expect(holds(now(value)), op, `${name} ${rule}`, `${now(value)}`);
}

const atLeastZero = (value: number) => value >= 0 && value < Number.POSITIVE_INFINITY;
const belowOne = (value: number) => value >= 0 && value < 1;
const share = (value: number) => value > 0 && value <= 1;
/** A number computed from live ones, live itself. */
const live = (value: () => number, ...from: unknown[]): Live =>
  from.some((source) => typeof source === "function") ? value : value();
const quarters = (size: number) => Math.ceil(size / 4);

/**
 * One step of gradient descent with momentum, in place, with the weight decay inside the gradient. The velocity starts
 * at zero. Where `clip` holds 0 nothing changes, whatever the gradient holds.
 * @throws ShapeError if shapes differ from the parameter's or a number is out of its range.
 * Source: Sutskever et al. 2013, in the form of PyTorch's SGD.
 */
export function sgdStep(gpu: GpuDevice, step: SgdStep): void {
  const { parameter, gradient, velocity, learningRate, momentum, weightDecay, nesterov, clip } = step;
  checkStep("sgdStep", step, { gradient, ...(velocity ? { velocity } : {}) });
  expect(velocity !== null || momentum === 0, "sgdStep", "a velocity where there is momentum", "none");
  checkNumbers("sgdStep", { learningRate, momentum, weightDecay }, atLeastZero, "of at least 0");
  const n = quarters(parameter.size);
  // Something must be bound all the same, and nothing that is read.
  const bound = velocity ?? gpu.empty([1], "sgdStep");
  sgdKernel.run(
    gpu,
    { parameter, gradient, velocity: bound, clip: clip ?? gradient },
    {
      n,
      clipped: Number(clip !== null),
      nesterov: Number(nesterov),
      decayed: quarters(step.decayed ?? parameter.size),
      learning_rate: learningRate,
      momentum,
      weight_decay: weightDecay,
    },
    { threads: n },
    { MOMENTUM: velocity !== null },
  );
  if (!velocity) bound.dispose();
}

/**
 * One step of Adam with decoupled weight decay (or `coupled`), in place; m and v start at zero. Where `clip` holds 0 nothing
 * changes, whatever the gradient holds.
 * @throws ShapeError if shapes differ from the parameter's or a number is out of its range.
 * Source: Loshchilov & Hutter 2019, algorithm 2, in the forms of PyTorch's AdamW and Adam.
 */
export function adamwStep(gpu: GpuDevice, step: AdamwStep): void {
  const { parameter, gradient, m, v, learningRate, beta1, beta2, eps, weightDecay, correction1, correction2, clip } =
    step;
  checkStep("adamwStep", step, { gradient, m, v });
  checkNumbers("adamwStep", { learningRate, eps, weightDecay }, atLeastZero, "of at least 0");
  checkNumbers("adamwStep", { beta1, beta2 }, belowOne, "in [0, 1)");
  checkNumbers("adamwStep", { correction1, correction2 }, share, "in (0, 1]");
  const n = quarters(parameter.size);
  const decayed = quarters(step.decayed ?? parameter.size);
  adamwKernel.run(
    gpu,
    { parameter, gradient, m, v, clip: clip ?? gradient },
    {
      n,
      clipped: Number(clip !== null),
      decayed: step.coupled ? decayed : 0,
      shrunk: step.coupled ? 0 : decayed,
      keep1: beta1,
      take1: 1 - beta1,
      keep2: beta2,
      take2: 1 - beta2,
      weight_decay: weightDecay,
      decay: live(() => 1 - now(learningRate) * weightDecay, learningRate),
      step: live(() => now(learningRate) / now(correction1), learningRate, correction1),
      root: live(() => Math.sqrt(now(correction2)), correction2),
      eps,
    },
    { threads: n },
  );
}
