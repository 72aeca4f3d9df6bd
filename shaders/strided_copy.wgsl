// y[y_at + Σ k_a · y_a] = x[x_at + Σ k_a · x_a] over a box of n elements with up to six axes a, 0 the innermost.
// Elements are moved as bits: any type passes, and NaN keeps its payload.
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
// Extents of axes 0..4 (1 where there is no such axis), and the strides of x and y.
struct Params {
  n: u32, rank: u32, x_at: u32, y_at: u32,
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
  var rest = i / p.e0;
  var at = vec2u(p.x_at, p.y_at) + (i % p.e0) * vec2u(p.x0, p.y0);
  // Integer division is what costs here; most copies need one or two axes.
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
  y[at.y] = x[at.x];
}
