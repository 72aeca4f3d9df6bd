// y[i] = reduction of x over the middle axis of [outer, length, inner]; OP: 0 sum, 1 max.
// One thread an output; the sum runs in four interleaved partial sums, in fixed order.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Params { n: u32, length: u32, inner: u32, scale: f32 }
@group(0) @binding(2) var<uniform> p: Params;

fn join(u: f32, v: f32) -> f32 {
  return select(u + v, select(u, v, v > u), OP == 1u);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let base = (i / p.inner) * p.length * p.inner + i % p.inner;
  let first = select(0.0, x[base], OP == 1u);
  var s = vec4f(first);
  var j = 0u;
  for (; j + 4u <= p.length; j += 4u) {
    let at = base + j * p.inner;
    s = vec4f(
      join(s.x, x[at]),
      join(s.y, x[at + p.inner]),
      join(s.z, x[at + 2u * p.inner]),
      join(s.w, x[at + 3u * p.inner]),
    );
  }
  for (; j < p.length; j++) {
    s.x = join(s.x, x[base + j * p.inner]);
  }
  y[i] = join(join(s.x, s.y), join(s.z, s.w)) * p.scale;
}
