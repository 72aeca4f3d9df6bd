// y[y_at + Σ k_a · y_a] = x[x_at + Σ k_a · x_a] over a box with up to six axes a, 0 the innermost.
// Elements are moved as bits: any type passes, and NaN keeps its payload.
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
// n threads; extents of axes 0..4, strides of x and y. A thread moves every quarter-th
// element of axis 0, because the integer divisions are what costs.
struct Params {
  n: u32, rank: u32, quarter: u32, x_at: u32, y_at: u32,
  e0: u32, e1: u32, e2: u32, e3: u32, e4: u32,
  x0: u32, x1: u32, x2: u32, x3: u32, x4: u32, x5: u32,
  y0: u32, y1: u32, y2: u32, y3: u32, y4: u32, y5: u32,
}
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let k0 = i % p.quarter;
  var rest = i / p.quarter;
  var at = vec2u(p.x_at, p.y_at);
  if (p.rank > 1u) {
    at += (rest % p.e1) * vec2u(p.x1, p.y1);
    rest /= p.e1;
  }
  if (p.rank > 2u) {
    at += (rest % p.e2) * vec2u(p.x2, p.y2);
    rest /= p.e2;
  }
  if (p.rank > 3u) {
    at += (rest % p.e3) * vec2u(p.x3, p.y3);
    rest /= p.e3;
    at += (rest % p.e4) * vec2u(p.x4, p.y4);
    at += (rest / p.e4) * vec2u(p.x5, p.y5);
  }
  for (var k = k0; k < p.e0; k += p.quarter) {
    let from_to = at + k * vec2u(p.x0, p.y0);
    y[from_to.y] = x[from_to.x];
  }
}
