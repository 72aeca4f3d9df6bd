import { expect, it } from "vitest";
import { openGpu } from "#gpu";

// Node has no GPUBufferUsage and GPUMapMode globals.
const [MAP_READ, COPY_SRC, COPY_DST, STORAGE] = [0x01, 0x04, 0x08, 0x80];

it("the platform's adapter runs a compute shader", async () => {
  const adapter = await (await openGpu()).requestAdapter();
  expect(adapter, "an adapter").not.toBeNull();
  const device = await (adapter as GPUAdapter).requestDevice();
  const code = `
    @group(0) @binding(0) var<storage, read_write> values: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { values[id.x] = 1.5 * f32(id.x); }`;
  const storage = device.createBuffer({ size: 256, usage: STORAGE | COPY_SRC });
  const readable = device.createBuffer({ size: 256, usage: MAP_READ | COPY_DST });
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: storage } }],
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, readable, 0, 256);
  device.queue.submit([encoder.finish()]);
  await readable.mapAsync(MAP_READ);
  const values = new Float32Array(readable.getMappedRange().slice(0));
  device.destroy();
  expect([...values]).toEqual(Array.from({ length: 64 }, (_, i) => 1.5 * i));
});
