import { afterEach, beforeAll, expect, it } from "vitest";
import { conv2d, matmul, mmd } from "../../src/kernels/index.ts";
import type { GpuDevice } from "../../src/tensor/device.ts";
import { kernels } from "../../src/tensor/kernel.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { type TunedJob, tune } from "../../src/tensor/tune.ts";
import { defineFamily, describe } from "../../src/tensor/variant.ts";
import { testDevice } from "../device.ts";

let device: GpuDevice;
beforeAll(async () => {
  device = await testDevice();
});
afterEach(() => {
  device.choices.clear();
  device.pinned.clear();
});

const ones = (shape: number[]) =>
  device.upload(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1), shape).keep();

// Two ways to the same sum, of which one does the work a hundred times.
const slowly =
  (times: number) =>
  (gpu: GpuDevice, { tensors }: { tensors: { x: Tensor; y: Tensor } }) => {
    const { x, y } = tensors;
    for (let i = 0; i < times; i++) matmul(x, x).dispose();
    gpu.copy(matmul(x, x), y);
  };
const family = defineFamily<{ tensors: { x: Tensor; y: Tensor }; values: { n: number } }>({
  name: "test of tuning",
  variants: { slow: { run: slowly(100) }, fast: { run: slowly(0) }, never: { supports: () => false, run: slowly(0) } },
  prefer: () => ["slow"],
});

it("chooses the fast variant, changes nothing, and leaves no buffer behind", async () => {
  const x = ones([8, 8]);
  const y = ones([8, 8]);
  const before = device.pool.memory().liveBytes;
  const told: TunedJob[] = [];
  const step = () => family.run(device, { tensors: { x, y }, values: { n: 8 } });
  const found = await tune(device, step, { progress: (_done, _total, job) => told.push(job) });
  const job = found.find(({ key }) => key === "test of tuning n=8")!;
  expect(job).toMatchObject({ preferred: "slow", chosen: "fast" });
  expect(Object.keys(job.seconds)).toEqual(["slow", "fast"]);
  expect(job.seconds.slow).toBeGreaterThan(2 * job.seconds.fast!);
  expect(told).toEqual(found);
  expect(device.choices.get("test of tuning n=8")).toBe("fast");
  expect([...(await y.read())]).toEqual(new Array(64).fill(1));
  expect(device.pool.memory().liveBytes).toBe(before);
  expect(device.recorder).toBeNull();
  expect(device.tuner).toBeNull();
  expect(await tune(device, step)).toEqual([]);
  expect((await tune(device, step, { again: true })).length).toBe(found.length);
  // A choice counts, and a pin counts more.
  const dispatches = (body: () => void) => {
    const start = device.stream.counters.dispatches;
    scope(body);
    return device.stream.counters.dispatches - start;
  };
  expect(dispatches(step)).toBe(1);
  device.pinned.set("test of tuning", "slow");
  expect(dispatches(step)).toBe(101);
  for (const tensor of [x, y]) tensor.dispose();
});

it("measures every variant of real kernels, whose results stay within rounding", async () => {
  const x = ones([1, 8, 8, 8]);
  const w = ones([3, 3, 8, 8]);
  const a = ones([16, 32]);
  const step = () => [conv2d(x, w, null, { padding: 1 }), matmul(a, a, { transposeB: true }), mmd(a, a)];
  const found = await tune(device, step, { rounds: 1 });
  expect(found.map(({ key }) => key.split(" ")[0])).toEqual(expect.arrayContaining(["conv2d", "matmul"]));
  for (const { seconds, chosen } of found) {
    expect(Object.keys(seconds).length).toBeGreaterThan(1);
    expect(Object.values(seconds).every((time) => time > 0)).toBe(true);
    expect(seconds[chosen]).toBeDefined();
  }
  const [y] = scope(step);
  expect((await y!.read())[3 * 64 + 3 * 8]).toBe(72);
  for (const tensor of [x, w, a, y!]) tensor.dispose();
});

it("describes a job by its numbers", () => {
  expect(describe({ tensors: {}, values: { n: 2, bias: 0 }, transposeA: true, none: null })).toBe(
    "n=2 bias=0 transposeA=true",
  );
  const kernel = [...kernels().values()][0]!;
  const [x, half] = [device.upload([1], [1]), device.upload([1], [1], "f16")];
  expect(describe({ tensors: { x, y: half }, values: { n: 1 } })).toBe("y=f16 n=1");
  for (const tensor of [x, half]) tensor.dispose();
  const live = () => 1;
  expect(describe({ kernels: { scalar: kernel }, params: { rows: 3, seed: live } })).toBe(
    `scalar=${kernel.spec.name} rows=3`,
  );
});
