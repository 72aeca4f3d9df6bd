import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { accumulate, adaptLossScale, clipFactor, gradientNorm } from "../../src/kernels/gradients.ts";
import { type AdamwStep, adamwStep, type SgdStep, sgdStep } from "../../src/kernels/optimizer.ts";
import type { GpuDevice, Tensor } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import goldenFile from "../golden/optimizer.json";
import { randomArr } from "../oracle/array.ts";
import { hashBits } from "./suite.ts";

let device: GpuDevice;
let made: Tensor[] = [];
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => {
  for (const tensor of made) tensor.dispose();
  made = [];
  device.workgroupSize = null;
});

const upload = (data: ArrayLike<number>, shape: number[] = [data.length]) => {
  const tensor = device.upload(data, shape);
  made.push(tensor);
  return tensor;
};
const track = (tensor: Tensor) => {
  made.push(tensor);
  return tensor;
};
const random = (n: number, seed: number, low = -1, high = 1) =>
  Array.from(randomArr([n], seed, low, high).data, Math.fround);
const bits = async (tensor: Tensor) => Array.from(new Uint32Array((await tensor.read()).buffer));

/** Every element within `ulp` units of 2^-23 of the largest expected one. */
const expectClose = (actual: ArrayLike<number>, expected: ArrayLike<number>, ulp: number) => {
  expect(actual.length).toBe(expected.length);
  const peak = Array.from(expected).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!), `element ${i}`).toBeLessThanOrEqual(ulp * 2 ** -23 * peak);
};

type Hyper<Step> = Omit<Step, "parameter" | "gradient" | "velocity" | "m" | "v" | "clip" | "first">;
const sgd: Hyper<SgdStep> = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.05, nesterov: true };
const adamw: Hyper<AdamwStep> = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
  weightDecay: 0.05,
  correction1: 0.1,
  correction2: 0.001,
};

describe("sgdStep", () => {
  it.each(["sgd", "sgd momentum", "sgd nesterov"] as const)("follows PyTorch: %s", async (name) => {
    const { options, steps } = goldenFile.optimizers[name];
    const { lr, momentum, weight_decay, nesterov } = { momentum: 0, weight_decay: 0, nesterov: false, ...options };
    const hyper = { learningRate: lr, momentum, weightDecay: weight_decay, nesterov };
    const parameter = upload(goldenFile.start.data, [2, 3]);
    const velocity = upload(new Float32Array(6), [2, 3]);
    for (const [t, expected] of steps.entries()) {
      const gradient = upload(goldenFile.gradients[t]!.data, [2, 3]);
      sgdStep(device, { ...hyper, parameter, gradient, velocity, clip: null });
      expectClose(await parameter.read(), expected.data, 4);
    }
  });

  it.each([1, 2, 7, 1031])("gives what float64 gives for %i elements, with a clip", async (n) => {
    const [w, v] = [random(n, 1), random(n, 2)];
    const [parameter, velocity] = [upload(w), upload(v)];
    for (let step = 0; step < 3; step++) {
      const g = random(n, 3);
      sgdStep(device, { ...sgd, parameter, gradient: upload(g), velocity, clip: upload([0.25]) });
      for (let i = 0; i < n; i++) {
        const d = 0.25 * g[i]! + 0.05 * w[i]!;
        v[i] = 0.9 * v[i]! + d;
        w[i]! -= 0.1 * (d + 0.9 * v[i]!);
      }
    }
    expectClose(await parameter.read(), w, 4);
    expectClose(await velocity.read(), v, 4);
  });

  it("needs no velocity without momentum, and gives the same", async () => {
    const [w, g] = [random(1031, 1), random(1031, 2)];
    const plain = { ...sgd, momentum: 0, nesterov: false, clip: null };
    const [one, other] = [upload(w), upload(w)];
    sgdStep(device, { ...plain, parameter: one, gradient: upload(g), velocity: null });
    sgdStep(device, { ...plain, parameter: other, gradient: upload(g), velocity: upload(random(1031, 3)) });
    expect(await bits(one)).toEqual(await bits(other));
    expect(() =>
      sgdStep(device, { ...sgd, ...plain, momentum: 0.9, parameter: one, gradient: one, velocity: null }),
    ).toThrow("sgdStep: expected a velocity where there is momentum, got none");
  });
});

describe("adamwStep", () => {
  it.each(["adamw", "adam"] as const)("follows PyTorch: %s", async (name) => {
    const { options, steps } = goldenFile.optimizers[name];
    const [beta1, beta2] = options.betas as [number, number];
    const parameter = upload(goldenFile.start.data, [2, 3]);
    const [m, v] = [upload(new Float32Array(6), [2, 3]), upload(new Float32Array(6), [2, 3])];
    for (const [t, expected] of steps.entries()) {
      const gradient = upload(goldenFile.gradients[t]!.data, [2, 3]);
      adamwStep(device, {
        ...{ parameter, gradient, m, v, beta1, beta2, clip: null, coupled: name === "adam" },
        ...{ learningRate: options.lr, eps: options.eps, weightDecay: options.weight_decay },
        ...{ correction1: 1 - beta1 ** (t + 1), correction2: 1 - beta2 ** (t + 1) },
      });
      expectClose(await parameter.read(), expected.data, 4);
    }
  });

  it.each([1, 3, 1031])("gives what float64 gives for %i elements, with a clip", async (n) => {
    const [w, m1, v1] = [random(n, 1), new Array<number>(n).fill(0), new Array<number>(n).fill(0)];
    const [parameter, m, v] = [upload(w), upload(m1), upload(v1)];
    for (const t of [1, 2, 3]) {
      const g = random(n, 3 + t);
      const [correction1, correction2] = [1 - 0.9 ** t, 1 - 0.999 ** t];
      adamwStep(device, {
        ...adamw,
        ...{ parameter, gradient: upload(g), m, v, correction1, correction2, clip: upload([0.25]) },
      });
      for (let i = 0; i < n; i++) {
        const d = 0.25 * g[i]!;
        m1[i] = 0.9 * m1[i]! + 0.1 * d;
        v1[i] = 0.999 * v1[i]! + 0.001 * d * d;
        const move = m1[i]! / correction1 / (Math.sqrt(v1[i]! / correction2) + 1e-8);
        w[i] = w[i]! * (1 - 0.01 * 0.05) - 0.01 * move;
      }
    }
    expectClose(await parameter.read(), w, 4);
    expectClose(await m.read(), m1, 4);
    expectClose(await v.read(), v1, 4);
  });

  it.each([
    [1, 0],
    [3, 4],
    [1031, 516],
    [1031, 1031],
  ])("coupled gives what float64 gives of Adam for %i elements, of which %i decay", async (n, decayed) => {
    const [w, m1, v1] = [random(n, 1), new Array<number>(n).fill(0), new Array<number>(n).fill(0)];
    const [parameter, m, v] = [upload(w), upload(m1), upload(v1)];
    for (const t of [1, 2, 3]) {
      const g = random(n, 3 + t);
      const [correction1, correction2] = [1 - 0.9 ** t, 1 - 0.999 ** t];
      adamwStep(device, {
        ...{ ...adamw, coupled: true, weightDecay: 0.3, decayed: decayed === n ? undefined : decayed },
        ...{ parameter, gradient: upload(g), m, v, correction1, correction2, clip: upload([0.25]) },
      });
      for (let i = 0; i < n; i++) {
        const d = 0.25 * g[i]! + (i < decayed ? 0.3 * w[i]! : 0);
        m1[i] = 0.9 * m1[i]! + 0.1 * d;
        v1[i] = 0.999 * v1[i]! + 0.001 * d * d;
        w[i]! -= (0.01 * (m1[i]! / correction1)) / (Math.sqrt(v1[i]! / correction2) + 1e-8);
      }
    }
    expectClose(await parameter.read(), w, 4);
    expectClose(await m.read(), m1, 4);
    expectClose(await v.read(), v1, 4);
  });
});

describe("gradientNorm", () => {
  it.each([{ sizes: [1] }, { sizes: [3, 1, 5] }, { sizes: [2048, 2049, 7, 0, 70001] }, { sizes: [0] }, { sizes: [] }])(
    "is the norm of all elements together: $sizes",
    async ({ sizes }) => {
      const values = sizes.map((n, i) => random(n, i + 1));
      const norm = track(
        gradientNorm(
          device,
          values.map((v) => upload(v)),
        ),
      );
      expectClose(await norm.read(), [Math.sqrt(values.flat().reduce((sum, v) => sum + v * v, 0))], 4);
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e20])("is not finite with %s in one element", async (poison) => {
    for (const at of [0, 2050, 4999]) {
      const values = random(5000, 1);
      values[at] = poison;
      const norm = await track(gradientNorm(device, [upload([1]), upload(values)])).item();
      expect(Number.isFinite(norm)).toBe(false);
    }
  });

  it("does not depend on the workgroup size, and leaves no buffer behind", async () => {
    const gradients = [upload(random(70001, 1)), upload(random(33, 2))];
    const before = device.pool.memory().liveBuffers;
    const hashes = new Set<string>();
    for (const size of [null, 32, 128]) {
      device.workgroupSize = size;
      const norm = gradientNorm(device, gradients);
      hashes.add(hashBits(await norm.read()));
      norm.dispose();
    }
    expect(hashes.size).toBe(1);
    expect(device.pool.memory().liveBuffers).toBe(before);
  });
});

describe("clipFactor", () => {
  it.each([
    [0, 5, 1],
    [4, 5, 1],
    [10, 5, 5 / (10 + 1e-6)],
    [1e18, 5, 5e-18],
    [Number.NaN, 5, 0],
    [Number.POSITIVE_INFINITY, 5, 0],
  ])("of norm %s with maximum %s is %s", async (norm, maxNorm, expected) => {
    expectClose(await track(clipFactor(device, upload([norm]), maxNorm)).read(), [expected], 3);
  });
});

describe("accumulate", () => {
  it("begins a sum, and goes on with it", async () => {
    const [x, sum] = [upload(random(1031, 1)), upload(new Array<number>(1031).fill(Number.NaN))];
    for (const first of [true, false, false]) accumulate(device, x, sum, () => first);
    expectClose(
      await sum.read(),
      random(1031, 1).map((v) => 3 * v),
      2,
    );
    expect(() => accumulate(device, x, upload([1]), () => true)).toThrow("accumulate: expected sum [1031], got [1]");
  });
});

describe("a loss scale", () => {
  it("is divided out of norm and clip", async () => {
    const [gradient, scale] = [upload([300, 400]), upload([100])];
    const norm = track(gradientNorm(device, [gradient], 0.5, scale));
    expectClose(await norm.read(), [2.5], 4);
    expectClose(await track(clipFactor(device, norm, 1, 0.5, scale)).read(), [0.5 / 100 / 2.500001], 4);
  });

  it("halves when the norm is not finite, doubles after enough steps when it is, within bounds", async () => {
    const [scale, good] = [upload([4]), upload([0])];
    const behind = async (value: number) => {
      adaptLossScale(device, upload([value]), scale, good, 2);
      return [await scale.item(), await good.item()];
    };
    expect(await behind(1)).toEqual([4, 1]);
    expect(await behind(1)).toEqual([8, 0]);
    expect(await behind(1)).toEqual([8, 1]);
    expect(await behind(Number.NaN)).toEqual([4, 0]);
    for (let i = 0; i < 5; i++) await behind(Number.POSITIVE_INFINITY);
    expect(await behind(Number.POSITIVE_INFINITY)).toEqual([1, 0]);
    for (let i = 0; i < 60; i++) await behind(0);
    expect(await scale.item()).toBe(2 ** 24);
    expect(() => adaptLossScale(device, upload([1, 2]), scale, good, 2)).toThrow("norm of one element, got 2 elements");
  });
});

describe("a step whose gradients are not finite", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "with %s leaves parameter and state as they are, to the bit",
    async (poison) => {
      const values = random(70, 1);
      values[31] = poison;
      const gradient = upload(values);
      // Subnormals, negative zero and NaN payloads would not survive arithmetic.
      const start = new Float32Array(random(70, 2));
      new Uint32Array(start.buffer).set([0x80000000, 1, 0x7fc00123, 0x7f800000]);
      const states = [start, random(70, 3), start].map((data) => upload(data));
      const [parameter, m, v] = states as [Tensor, Tensor, Tensor];
      const before = await Promise.all(states.map(bits));
      const clip = track(clipFactor(device, track(gradientNorm(device, [gradient])), 5));
      expect(await clip.item()).toBe(0);
      sgdStep(device, { ...sgd, parameter, gradient, velocity: m, clip });
      for (const coupled of [false, true]) adamwStep(device, { ...adamw, coupled, parameter, gradient, m, v, clip });
      expect(await Promise.all(states.map(bits))).toEqual(before);
    },
  );

  it("shows where no clip is given", async () => {
    const [parameter, m, v] = [upload([1, 1]), upload([0, 0]), upload([0, 0])];
    adamwStep(device, { ...adamw, parameter, gradient: upload([Number.NaN, 1]), m, v, clip: null });
    const [poisoned, sound] = await parameter.read();
    expect(poisoned).toBeNaN();
    expect(sound).toBeCloseTo(0.9895, 4);
  });
});

describe("bad input is refused", () => {
  const two = () => upload([1, 2]);
  const three = () => upload([1, 2, 3]);
  const step = (change: Partial<SgdStep>) => () =>
    sgdStep(device, {
      ...{ ...sgd, parameter: two(), gradient: two(), velocity: two(), clip: null },
      ...change,
    });
  const adam = (change: Partial<AdamwStep>) => () =>
    adamwStep(device, {
      ...{ ...adamw, parameter: two(), gradient: two(), m: two(), v: two(), clip: null },
      ...change,
    });

  it("by sgdStep", () => {
    expect(() => step({ gradient: three() })()).toThrow("sgdStep: expected gradient [2], got [3]");
    expect(() => step({ velocity: three() })()).toThrow("sgdStep: expected velocity [2], got [3]");
    expect(() => step({ clip: three() })()).toThrow("sgdStep: expected a clip of one element, got 3 elements");
    expect(step({ learningRate: Number.NaN })).toThrow("sgdStep: expected learningRate of at least 0, got NaN");
    expect(step({ momentum: -1 })).toThrow("sgdStep: expected momentum of at least 0, got -1");
    expect(step({ weightDecay: -1 })).toThrow("sgdStep: expected weightDecay of at least 0, got -1");
  });

  it("by adamwStep", () => {
    expect(() => adam({ m: three() })()).toThrow("adamwStep: expected m [2], got [3]");
    expect(() => adam({ v: three() })()).toThrow("adamwStep: expected v [2], got [3]");
    expect(adam({ eps: -1 })).toThrow("adamwStep: expected eps of at least 0, got -1");
    expect(adam({ beta1: 1 })).toThrow("adamwStep: expected beta1 in [0, 1), got 1");
    expect(adam({ correction2: 0 })).toThrow("adamwStep: expected correction2 in (0, 1], got 0");
  });

  it("by clipFactor", () => {
    expect(() => clipFactor(device, two(), 1)).toThrow("clipFactor: expected a norm of one element, got 2 elements");
    expect(() => clipFactor(device, upload([1]), 0)).toThrow("clipFactor: expected a maxNorm above 0, got 0");
  });
});
