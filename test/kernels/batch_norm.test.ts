import { beforeAll, describe, expect, it } from "vitest";
import { batchNorm, batchNormOp } from "../../src/kernels/batch_norm.ts";
import { type GpuDevice, scope, type Tensor } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import goldenFile from "../golden/batch_norm.json";
import { type Arr, randomArr } from "../oracle/array.ts";
import { golden } from "../oracle/golden.ts";
import { batchNormRunning, oracles } from "../oracle/index.ts";
import { hashBits, opSuite, runCase } from "./suite.ts";

const inputs = (shape: number[], range: [number, number] = [-1, 1]) => {
  const channels = [shape.at(-1)!];
  return [
    { shape, range },
    { shape: channels, range: [0.5, 1.5] as const },
    { shape: channels },
    { shape: channels, gradient: false },
    { shape: channels, range: [0.5, 2] as const, gradient: false },
  ];
};
const running = { training: false, momentum: 0.1, eps: 1e-5 };
const batch = { ...running, training: true };
const relu = { activation: "relu" as const };
const withResidual = (shape: number[]) => [...inputs(shape), { shape }];

const upload = (device: GpuDevice, arrays: Arr[]) => arrays.map(({ data, shape }) => device.upload(data, shape));
const vectors = (device: GpuDevice, channels: number) =>
  [1, 0, 0, 1].map((value) => device.upload(new Array<number>(channels).fill(value), [channels])) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];

opSuite(batchNormOp, {
  cases: [
    { name: "running statistics", inputs: inputs([2, 3, 5, 7]), attrs: running },
    { name: "batch statistics", inputs: inputs([2, 3, 5, 7]), attrs: batch },
    { name: "two rows", inputs: inputs([2, 5]), attrs: { ...batch, eps: 0.1 } },
    { name: "one channel", inputs: inputs([13, 1, 1, 1]), attrs: batch },
    { name: "one row of running statistics", inputs: inputs([1, 3]), attrs: running },
    { name: "several chunks", inputs: inputs([3, 11, 13, 16]), attrs: batch },
    { name: "a mean off zero", inputs: inputs([4, 7, 7, 3], [9, 11]), attrs: batch },
    { name: "the longest split", inputs: inputs([8209, 2]), attrs: batch },
    { name: "relu", inputs: inputs([2, 3, 5, 7]), attrs: { ...batch, ...relu } },
    { name: "relu, four channels at a time", inputs: inputs([3, 9, 5, 8]), attrs: { ...batch, ...relu } },
    { name: "relu of running statistics", inputs: inputs([3, 5, 3, 4]), attrs: { ...running, ...relu } },
    { name: "a residual", inputs: withResidual([2, 3, 5, 7]), attrs: batch },
    { name: "a residual and relu", inputs: withResidual([2, 3, 5, 7]), attrs: { ...batch, ...relu } },
    { name: "both, four channels at a time", inputs: withResidual([5, 7, 5, 12]), attrs: { ...batch, ...relu } },
    { name: "both, running statistics", inputs: withResidual([3, 5, 3, 4]), attrs: { ...running, ...relu } },
    { name: "no rows", inputs: inputs([0, 4, 4, 3]), attrs: running },
    { name: "no channels", inputs: inputs([2, 4, 4, 0]), attrs: batch },
  ],
  bad: [
    {
      name: "a single value per channel in training",
      run: (device) => batchNorm(device.upload([1, 2], [1, 2]), ...vectors(device, 2), { training: true }),
      message: /at least 2 values per channel in training, got x \[1,2\]/,
    },
    {
      name: "a vector of another length",
      run: (device) => batchNorm(device.upload([1, 2], [2, 1]), ...vectors(device, 2), { training: true }),
      message: /expected gamma \[1\], got \[2\]/,
    },
    {
      name: "one axis",
      run: (device) => batchNorm(device.upload([1, 2], [2]), ...vectors(device, 2), { training: false }),
      message: /at least two axes, got \[2\]/,
    },
    {
      name: "a momentum above one",
      run: (device) =>
        batchNorm(device.upload([1, 2], [2, 1]), ...vectors(device, 1), { training: true, momentum: 1.5 }),
      message: /a momentum in \[0, 1\], got 1\.5/,
    },
    {
      name: "an eps of zero",
      run: (device) => batchNorm(device.upload([1, 2], [2, 1]), ...vectors(device, 1), { training: true, eps: 0 }),
      message: /an eps above 0, got 0/,
    },
    {
      name: "a residual of another shape",
      run: (device) => {
        const [x, residual] = [device.upload([1, 2], [2, 1]), device.upload([1], [1, 1])];
        return batchNorm(x, ...vectors(device, 1), { training: true, residual });
      },
      message: /expected residual \[2,1\], got \[1,1\]/,
    },
    {
      name: "an activation it does not have",
      run: (device) => {
        const activation = "tanh" as "relu";
        return batchNorm(device.upload([1, 2], [2, 1]), ...vectors(device, 1), { training: true, activation });
      },
      message: /none or relu as activation, got tanh/,
    },
  ],
  families: ["widths"],
  ulp: 16,
  scale: 1,
});

describe("batchNorm in training", () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await testDevice();
  });

  const expectClose = (actual: ArrayLike<number>, expected: Arr, tolerance: number) => {
    expect(actual.length).toBe(expected.data.length);
    const peak = expected.data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    for (const [i, want] of expected.data.entries()) {
      expect(Math.abs(actual[i]! - want), `element ${i}`).toBeLessThanOrEqual(tolerance * peak);
    }
  };

  it("follows PyTorch over three steps and one evaluation", async () => {
    const { momentum, eps, steps, evaluation } = goldenFile;
    const [gamma, beta] = upload(device, [golden(goldenFile.gamma), golden(goldenFile.beta)]) as [Tensor, Tensor];
    const mean = device.upload([0, 0, 0], [3]);
    const variance = device.upload([1, 1, 1], [3]);
    const run = async (step: typeof evaluation, training: boolean) => {
      const [x, dy] = upload(device, [golden(step.x), golden(step.dy)]) as [Tensor, Tensor];
      for (const tensor of [x, gamma, beta]) tensor.requiresGrad = true;
      const y = batchNorm(x, gamma, beta, mean, variance, { training, momentum, eps });
      const gradients = batchNormOp.backward(y.node!, dy, [true, true, true, false, false]);
      // The inputs lose up to 2^-24 of their size in f32, and the division by the deviation magnifies it.
      expectClose(await y.read(), golden(step.y), 4e-6);
      const expected = [step.dx, step.dgamma, step.dbeta];
      for (const [i, want] of expected.entries()) expectClose(await gradients[i]!.read(), golden(want), 4e-6);
      for (const tensor of [x, dy, y, ...y.node!.saved, ...gradients]) tensor?.dispose();
    };
    for (const step of steps) {
      await run(step, true);
      expectClose(await mean.read(), golden(step.runningMean), 1e-6);
      expectClose(await variance.read(), golden(step.runningVar), 1e-6);
    }
    await run(evaluation, false);
    for (const tensor of [gamma, beta, mean, variance]) tensor.dispose();
  });

  it.each([
    { name: "several chunks", shape: [3, 11, 13, 5], low: -1, high: 1 },
    { name: "a mean a thousand deviations from zero", shape: [4, 9, 9, 3], low: 1730, high: 1734 },
    { name: "two rows", shape: [2, 7], low: -3, high: 0 },
  ])("moves the running statistics: $name", async ({ shape, low, high }) => {
    const channels = shape.at(-1)!;
    const rounded = (arr: Arr) => ({ ...arr, data: arr.data.map(Math.fround) });
    const x = rounded(randomArr(shape, 1, low, high));
    const data = [2, 3, 4, 5].map((seed) => rounded(randomArr([channels], seed, 0.5, 1.5)));
    const tensors = upload(device, [x, ...data]) as [Tensor, Tensor, Tensor, Tensor, Tensor];
    scope(() => {
      batchNorm(...tensors, { training: true, momentum: 0.3 });
    });
    const expected = batchNormRunning([x, ...data], { momentum: 0.3 });
    expectClose(await tensors[3].read(), expected.mean, 1e-6);
    expectClose(await tensors[4].read(), expected.variance, 1e-6);
    for (const tensor of tensors) tensor.dispose();
  });

  it("loses no more to a mean far from zero than its rounding", async () => {
    const x = randomArr([400, 1], 1, 9999, 10001);
    x.data = x.data.map(Math.fround);
    const rest = vectors(device, 1);
    const tensor = device.upload(x.data, [400, 1]);
    const y = scope(() => batchNorm(tensor, ...rest, { training: true }));
    const [one, zero] = [randomArr([1], 1, 1, 1), randomArr([1], 1, 0, 0)];
    const expected = oracles.batchNorm!([x, one, zero, zero, one], { training: true });
    const deviation = Math.sqrt(1 / 3);
    expectClose(await y.read(), expected, (2 ** -24 * 1e4) / deviation);
    for (const each of [tensor, y, ...rest]) each.dispose();
  });

  it("leaves the running statistics alone in evaluation", async () => {
    const tensors = upload(device, [randomArr([5, 3], 1), ...[2, 3, 4, 5].map((seed) => randomArr([3], seed, 0.5, 1))]);
    const before = await Promise.all(tensors.slice(3).map((tensor) => tensor.read()));
    scope(() => {
      batchNorm(...(tensors as [Tensor, Tensor, Tensor, Tensor, Tensor]), { training: false });
    });
    const after = await Promise.all(tensors.slice(3).map((tensor) => tensor.read()));
    expect(after).toEqual(before);
    for (const tensor of tensors) tensor.dispose();
  });

  it("gives the same bits for every workgroup size", async () => {
    const test = { name: "", inputs: inputs([3, 11, 13, 5]), attrs: batch };
    const hashes: string[] = [];
    for (const size of [null, 32, 128]) {
      device.workgroupSize = size;
      const { output, gradients } = await runCase(device, batchNormOp as never, test);
      hashes.push([output, ...gradients.slice(0, 3)].map((data) => hashBits(data!)).join());
    }
    device.workgroupSize = null;
    expect(new Set(hashes).size).toBe(1);
  });

  it("gives constant channels a variance of zero and finite values", async () => {
    const x = device.upload(new Array<number>(70).fill(0.1), [35, 2]);
    const rest = vectors(device, 2);
    const y = scope(() => batchNorm(x, ...rest, { training: true, momentum: 1 }));
    expect(Array.from(await rest[3].read())).toEqual([0, 0]);
    expect(Array.from(await rest[2].read())).toEqual([Math.fround(0.1), Math.fround(0.1)]);
    expect((await y.read()).every((value) => Math.abs(value) < 1e-5)).toBe(true);
    for (const tensor of [x, y, ...rest]) tensor.dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 3e38])(
    "lets %s in one channel show there and only there, and not in the running statistics",
    async (poison) => {
      const values = randomArr([40, 3], 1).data;
      values[3 * 17 + 1] = poison;
      const x = device.upload(values, [40, 3]);
      const rest = vectors(device, 3);
      const running = () => Promise.all([rest[2].read(), rest[3].read()]);
      const before = await running();
      const y = scope(() => batchNorm(x, ...rest, { training: true }));
      const output = await y.read();
      const broken = poison === 3e38 ? (value: number) => value === 0 || Number.isNaN(value) : Number.isNaN;
      expect(output.every((value, i) => broken(value) === (i % 3 === 1))).toBe(true);
      for (const [k, after] of (await running()).entries()) {
        expect(after.every(Number.isFinite)).toBe(true);
        expect(Array.from(after, (value, i) => value === before[k]![i])).toEqual([false, true, false]);
      }
      for (const tensor of [x, y, ...rest]) tensor.dispose();
    },
  );

  it.each([
    { name: "plain", residual: false, attrs: batch },
    { name: "with relu", residual: false, attrs: { ...batch, ...relu } },
    { name: "with a residual and relu", residual: true, attrs: { ...batch, ...relu } },
  ])("uses three dispatches forward and three backward, $name", ({ residual, attrs }) => {
    scope(() => {
      const tensors = upload(device, [
        randomArr([64, 3], 1),
        ...[2, 3, 4, 5].map((seed) => randomArr([3], seed, 0.5, 1)),
        ...(residual ? [randomArr([64, 3], 6)] : []),
      ]);
      const needs = [true, true, true, false, false, true].slice(0, tensors.length);
      for (const [i, tensor] of tensors.entries()) tensor.requiresGrad = needs[i]!;
      const start = device.stream.counters.dispatches;
      const y = batchNormOp.apply(tensors, attrs);
      expect(device.stream.counters.dispatches - start).toBe(3);
      const gradients = batchNormOp.backward(y.node!, y, needs);
      expect(gradients.map((gradient) => gradient !== null)).toEqual(needs);
      expect(device.stream.counters.dispatches - start).toBe(6);
    });
  });
});
