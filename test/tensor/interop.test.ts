import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGpu } from "#gpu";
import { add, affine, cast, matmul, relu } from "../../src/kernels/index.ts";
import { GpuDevice } from "../../src/tensor/device.ts";
import { DeviceLostError, DisposedError, GpuError, OutOfMemoryError, UsageError } from "../../src/tensor/errors.ts";
import { Program } from "../../src/tensor/program.ts";
import { scope } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";

// Node has no GPUBufferUsage and GPUMapMode globals.
const [MAP_READ, COPY_SRC, COPY_DST, STORAGE] = [0x01, 0x04, 0x08, 0x80];
const ALL = STORAGE | COPY_SRC | COPY_DST;

// What an app has of its own: a device, and buffers that are made and destroyed by nobody but it.
let gpu: GPUDevice;
let device: GpuDevice;
const alive = new Set<GPUBuffer>();

beforeAll(async () => {
  gpu = await (await (await openGpu()).requestAdapter())!.requestDevice();
  const create = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    alive.add(buffer);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  device = await GpuDevice.open({ device: gpu });
});
afterAll(() => gpu.destroy());

const counting = (count: number, from = 1) => Float32Array.from({ length: count }, (_, i) => from + i);

function bufferOf(data: Float32Array, size = data.byteLength, usage = ALL): GPUBuffer {
  const buffer = gpu.createBuffer({ size, usage });
  gpu.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  return buffer;
}

/** The floats of a buffer, read by the app itself. */
async function floatsIn(buffer: GPUBuffer, offset: number, bytes: number): Promise<number[]> {
  const reader = gpu.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, offset, reader, 0, bytes);
  gpu.queue.submit([encoder.finish()]);
  await reader.mapAsync(MAP_READ);
  const floats = [...new Float32Array(reader.getMappedRange())];
  reader.destroy();
  return floats;
}

/** The app's own pass: to = 10 from + 1. */
function ownPass(from: GPUBindingResource, to: GPUBindingResource, count: number): void {
  const code = `
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < ${count}u) { y[id.x] = 10.0 * x[id.x] + 1.0; }
    }`;
  const module = gpu.createShaderModule({ code });
  const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module } });
  const entries = [from, to].map((resource, binding) => ({ binding, resource }));
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(Math.ceil(count / 64));
  pass.end();
  gpu.queue.submit([encoder.finish()]);
}

describe("fromBuffer", () => {
  it("makes a tensor of a buffer without a copy", async () => {
    const before = device.pool.memory();
    const buffer = bufferOf(counting(12));
    const x = device.fromBuffer(buffer, [3, 4]);
    expect(device.pool.memory()).toEqual(before);
    expect([...(await x.read())]).toEqual([...counting(12)]);
    gpu.queue.writeBuffer(buffer, 0, counting(12, 100));
    expect([...(await x.read())]).toEqual([...counting(12, 100)]);
    x.device.write(x, counting(12, 7));
    expect(await floatsIn(buffer, 0, 48)).toEqual([...counting(12, 7)]);
    expect(device.bufferOf(x)).toEqual({ buffer, offset: 0, bytes: 48 });
    buffer.destroy();
  });

  it("takes results too, and nothing beside its place", async () => {
    const buffer = bufferOf(counting(128), 512);
    const inner = device.fromBuffer(buffer, [5], "f32", 256);
    scope(() => device.copy(affine(device.upload(counting(5), [5]), -1), inner));
    expect([...(await inner.read())]).toEqual([-1, -2, -3, -4, -5]);
    const expected = counting(128);
    expected.set([-1, -2, -3, -4, -5], 64);
    expect(await floatsIn(buffer, 0, 512)).toEqual([...expected]);
    buffer.destroy();
  });

  it("holds the last elements of any size for kernels that take four at a time", async () => {
    const shared = await testDevice();
    if (!shared.gpu.features.has("shader-f16")) return;
    for (const size of [1, 2, 3, 4, 5, 66]) {
      const buffer = shared.gpu.createBuffer({ size: 16 * Math.ceil(size / 4), usage: ALL });
      shared.gpu.queue.writeBuffer(buffer, 0, counting(size));
      const wide = scope(() => cast(cast(shared.fromBuffer(buffer, [size]), "f16"), "f32"));
      expect([...(await wide.read())]).toEqual([...counting(size)]);
      wide.dispose();
      buffer.destroy();
    }
  });

  it("refuses in one sentence what cannot be a tensor", () => {
    const made: GPUBuffer[] = [];
    const make = (size: number, usage = ALL, mappedAtCreation = false) => {
      made.push(gpu.createBuffer({ size, usage, mappedAtCreation }));
      return made.at(-1)!;
    };
    const refused: [GPUBuffer, number[], number, string][] = [
      [
        make(64, STORAGE),
        [4],
        0,
        "a buffer of usage STORAGE | COPY_SRC | COPY_DST, got one without COPY_SRC | COPY_DST",
      ],
      [
        make(64, COPY_SRC | COPY_DST),
        [4],
        0,
        "a buffer of usage STORAGE | COPY_SRC | COPY_DST, got one without STORAGE",
      ],
      [make(64, ALL, true), [4], 0, 'an unmapped buffer, got one whose mapState is "mapped"'],
      [
        make(64),
        [17],
        0,
        "80 bytes for [17] of f32, which is taken four elements at a time, got 64 bytes from offset 0 on",
      ],
      [
        make(20),
        [5],
        0,
        "32 bytes for [5] of f32, which is taken four elements at a time, got 20 bytes from offset 0 on",
      ],
      [make(512), [65], 256, "272 bytes for [65] of f32, which is taken four elements at a time, got 256 bytes"],
      [make(512), [4], 64, "an offset that is a multiple of 256 bytes, got 64"],
      [make(512), [4], -256, "an offset that is a multiple of 256 bytes, got -256"],
      [make(64), [0, 4], 0, "a shape of whole numbers above 0, got [0,4]"],
      [make(64), [1.5], 0, "a shape of whole numbers above 0, got [1.5]"],
      [new Float32Array(4) as unknown as GPUBuffer, [4], 0, "a GPUBuffer, got 0,0,0,0"],
      [null as unknown as GPUBuffer, [4], 0, "a GPUBuffer, got null"],
    ];
    for (const [buffer, shape, offset, message] of refused) {
      const call = () => device.fromBuffer(buffer, shape, "f32", offset);
      expect(call).toThrow(UsageError);
      expect(call).toThrow(`fromBuffer: expected ${message}`);
    }
    for (const buffer of made) buffer.destroy();
  });
});

describe("bufferOf", () => {
  it("hands a result to the app's own pass, whose output is an input again", async () => {
    const input = bufferOf(counting(8));
    const x = device.fromBuffer(input, [2, 4]);
    const y = scope(() => add(x, x));
    const { buffer, offset, bytes } = device.bufferOf(y);
    expect(bytes).toBe(32);
    ownPass({ buffer, offset, size: bytes }, { buffer: input }, 8);
    const expected = counting(8).map((v) => 20 * v + 1);
    expect([...(await x.read())]).toEqual([...expected]);
    const z = scope(() => relu(x));
    expect([...(await z.read())]).toEqual([...expected]);
    for (const tensor of [x, y, z]) tensor.dispose();
    input.destroy();
  });

  it("tells where a part of a flat tensor lies", async () => {
    const flat = device.upload(counting(128), [128]);
    const part = device.slice(flat, 64, [3]);
    const { buffer, offset, bytes } = device.bufferOf(part);
    expect(await floatsIn(buffer, offset, bytes)).toEqual([65, 66, 67]);
    for (const tensor of [flat, part]) tensor.dispose();
  });

  it("refuses a disposed tensor, another device's, and a call within a recorded step", async () => {
    const x = device.upload([1], [1]);
    expect(() => Program.record(device, () => device.bufferOf(x))).toThrow(UsageError);
    const other = (await testDevice()).upload([1], [1]);
    expect(() => device.bufferOf(other)).toThrow("bufferOf: expected a tensor of this device, got another's");
    for (const tensor of [x, other]) tensor.dispose();
    expect(() => device.bufferOf(x)).toThrow(DisposedError);
  });
});

it("a recorded step reads and writes the app's buffers at every run", async () => {
  const [input, output] = [bufferOf(counting(4)), bufferOf(new Float32Array(4))];
  const weight = device.upload([2, 0, 0, 3], [2, 2]).keep();
  const program = Program.record(device, () => {
    const product = matmul(device.fromBuffer(input, [2, 2]), weight);
    device.copy(product, device.fromBuffer(output, [2, 2]));
    return product;
  });
  for (const from of [1, 11, 21]) {
    gpu.queue.writeBuffer(input, 0, counting(4, from));
    program.run();
    const expected = [2 * from, 3 * (from + 1), 2 * (from + 2), 3 * (from + 3)];
    expect(await floatsIn(output, 0, 16)).toEqual(expected);
    const { buffer, offset } = device.bufferOf(program.result);
    expect(await floatsIn(buffer, offset, 16)).toEqual(expected);
  }
  program.dispose();
  weight.dispose();
  expect(device.pool.memory().liveBytes).toBe(0);
  for (const buffer of [input, output]) buffer.destroy();
});

it("closing frees all that was made here, and nothing of the app's", async () => {
  const own = bufferOf(counting(4));
  const heard: string[] = [];
  gpu.onuncapturederror = ({ error }) => heard.push(error.message);
  const before = new Set(alive);
  const guest = await GpuDevice.open({ device: gpu });
  const x = guest.fromBuffer(own, [4]);
  const kept = add(x, x);
  expect([...(await kept.read())]).toEqual([2, 4, 6, 8]);
  scope(() => guest.copy(affine(x, 3), x));
  const range = guest.bufferOf(kept);
  expect(alive.has(range.buffer)).toBe(true);
  expect(alive.size).toBeGreaterThan(before.size + 1);
  guest.close();
  // What was submitted before is done; the memory is gone, the app's buffer and device are not.
  expect(await floatsIn(own, 0, 16)).toEqual([3, 6, 9, 12]);
  expect(alive.has(range.buffer)).toBe(false);
  expect([...alive].filter((buffer) => !before.has(buffer))).toEqual([]);
  expect(alive.has(own)).toBe(true);
  expect(() => add(x, x)).toThrow(DeviceLostError);
  expect(() => guest.fromBuffer(own, [4])).toThrow("got it lost (closed)");
  for (const tensor of [x, kept]) tensor.dispose();
  // Another device over the same GPUDevice goes on, and the app hears of its own mistakes as before.
  const again = scope(() => relu(device.fromBuffer(own, [4])));
  expect([...(await again.read())]).toEqual([3, 6, 9, 12]);
  again.dispose();
  own.destroy();
  expect(heard).toEqual([]);
  gpu.onuncapturederror = null;
});

it("says by the kind of its error when the GPU's memory is full", () => {
  class GPUOutOfMemoryError extends Error {}
  class GPUInternalError extends Error {}
  const report = (error: Error) => gpu.dispatchEvent(Object.assign(new Event("uncapturederror"), { error }));
  report(new GPUOutOfMemoryError("no room"));
  expect(() => device.check()).toThrow(new OutOfMemoryError("WebGPU: no room"));
  report(new GPUInternalError("no idea"));
  expect(() => device.check()).toThrow(new GpuError("WebGPU: no idea"));
  expect(() => device.check()).not.toThrow();
});
