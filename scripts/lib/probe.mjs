// Opens the adapter that this process's environment gives, computes on it, and prints what it is as one line of JSON.
import { create } from "webgpu";

const count = 64;
const shader = `
@group(0) @binding(0) var<storage, read_write> values: array<u32>;
@compute @workgroup_size(${count}) fn main(@builtin(global_invocation_id) id: vec3u) { values[id.x] = id.x * id.x; }
`;

/** Whether the device really computes; Dawn's null adapter accepts every call and leaves zeros. */
async function computes(device) {
  const size = count * 4;
  const storage = device.createBuffer({ size, usage: 0x80 | 0x04 }); // STORAGE | COPY_SRC
  const readable = device.createBuffer({ size, usage: 0x01 | 0x08 }); // MAP_READ | COPY_DST
  const compute = { module: device.createShaderModule({ code: shader }) };
  const pipeline = device.createComputePipeline({ layout: "auto", compute });
  const entries = [{ binding: 0, resource: { buffer: storage } }];
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, readable, 0, size);
  device.queue.submit([encoder.finish()]);
  await readable.mapAsync(0x01);
  return new Uint32Array(readable.getMappedRange()).every((value, i) => value === i * i);
}

function kind(info) {
  if (/swiftshader/i.test(`${info.architecture} ${info.description}`)) return "swiftshader";
  if (/llvmpipe/i.test(info.description)) return "lavapipe";
  return info.isFallbackAdapter ? "other" : "gpu";
}

async function probe(gpu) {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return {};
  const { info } = adapter;
  const description = info.description || `${info.vendor} ${info.architecture}`.trim() || "an adapter without a name";
  const device = await adapter.requestDevice();
  if (!(await computes(device))) return { failure: `${description} computes wrong results` };
  return { found: kind(info), description };
}

// The object must stay reachable while its devices live, or the process aborts.
globalThis.gpu = create([]);
const result = await probe(globalThis.gpu).catch((error) => ({ failure: error.message }));
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
