// An op of your own: Swish, x · sigmoid(βx), in WGSL, with its gradient; checked against differences.
import { backward, defineKernel, defineOp, GpuDevice, Rng, scope, sum } from "onestage";

// Bindings in order, then the parameters as a uniform `Params`, and one entry point `main`; WG is the size of a workgroup.
const head = (more) => `
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  ${more}
  override WG: u32 = 64u;
  fn s(v: f32) -> f32 { return 1.0 / (1.0 + exp(-p.beta * v)); }
  struct Params { n: u32, beta: f32 }`;

const forward = defineKernel({
  name: "swish",
  bindings: { x: "read", y: "write" },
  params: { n: "u32", beta: "f32" },
  source: `${head("@group(0) @binding(1) var<storage, read_write> y: array<f32>; @group(0) @binding(2) var<uniform> p: Params;")}
    @compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < p.n) { y[id.x] = x[id.x] * s(x[id.x]); }
    }`,
});

const gradient = defineKernel({
  name: "swish_dx",
  bindings: { x: "read", dy: "read", dx: "write" },
  params: { n: "u32", beta: "f32" },
  source: `${head("@group(0) @binding(1) var<storage, read> dy: array<f32>; @group(0) @binding(2) var<storage, read_write> dx: array<f32>; @group(0) @binding(3) var<uniform> p: Params;")}
    @compute @workgroup_size(WG) fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x >= p.n) { return; }
      let v = x[id.x];
      dx[id.x] = dy[id.x] * (s(v) + p.beta * v * s(v) * (1.0 - s(v)));
    }`,
});

const swishOp = defineOp({
  name: "swish",
  shape: ([x]) => x.shape,
  forward(device, [x], { beta }) {
    const y = device.empty(x.shape, "swish");
    forward.run(device, { x, y }, { n: x.size, beta }, { threads: x.size });
    return y;
  },
  vjp(device, { inputs: [x], attrs: { beta } }, dy) {
    const dx = device.empty(x.shape, "swish gradient");
    gradient.run(device, { x, dy, dx }, { n: x.size, beta }, { threads: x.size });
    return [dx];
  },
});
const swish = (x, beta = 1) => swishOp.apply([x], { beta });

const device = await GpuDevice.open();
const rng = new Rng(1);
const values = Float32Array.from({ length: 1000 }, () => rng.uniform(-3, 3));
const x = device.upload(values, [values.length]);
x.requiresGrad = true;
const dx = scope(() => {
  backward(sum(swish(x, 1.5)));
  return x.grad;
});
const slopes = await dx.read();
const exact = (v) => v / (1 + Math.exp(-1.5 * v));
const worst = values.reduce((most, v, i) => {
  const difference = (exact(v + 1e-4) - exact(v - 1e-4)) / 2e-4;
  return Math.max(most, Math.abs(slopes[i] - difference));
}, 0);
console.log(`largest difference of ${values.length} slopes: ${worst.toExponential(1)}`);
device.close();
