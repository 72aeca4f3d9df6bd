// dx = dy at the first element of x[outer, length, inner] along the middle axis that equals y[outer, inner], else 0.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
struct Params { n: u32, length: u32, inner: u32 }
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let largest = y[i];
  var at = (i / p.inner) * p.length * p.inner + i % p.inner;
  var found = false;
  for (var j = 0u; j < p.length; j++) {
    let v = x[at];
    // Where the maximum is NaN, the first NaN made it.
    let hit = !found && (v == largest || is_nan(v));
    dx[at] = select(0.0, dy[i], hit);
    found = found || hit;
    at += p.inner;
  }
}
