// y[i] = the sum of 12 independent chains of fused multiply-adds, 8 links a step: nothing but arithmetic in registers,
// enough of it in flight to hide its latency. The chains run to 1 with factor = addend = 0.5, so no value grows or vanishes.
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
struct Params { n: u32, steps: u32, factor: f32, addend: f32 }
@group(0) @binding(1) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let m = vec4f(p.factor);
  let t = vec4f(p.addend);
  var a = vec4f(0.0, 0.25, 0.5, 0.75) + f32(i & 7u);
  var b = a + 0.125;
  var c = a + 0.0625;
  for (var step = 0u; step < p.steps; step++) {
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
    a = fma(a, m, t);
    b = fma(b, m, t);
    c = fma(c, m, t);
  }
  let s = a + b + c;
  y[i] = s.x + s.y + s.z + s.w;
}
