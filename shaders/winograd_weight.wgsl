// u[i,j][c,k] = (G g Gᵀ)[i,j] of the 3 × 3 weights g of channel c and filter k; k divisible by 4.
// Source: Lavin & Gray 2016, equation 10.
@group(0) @binding(0) var<storage, read> w: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
struct Params { c: u32, k: u32 }
@group(0) @binding(2) var<uniform> p: Params;

// One row of the weights, combined along the row.
fn line(row: u32, i: u32) -> mat4x4f {
  let size = p.c * (p.k / 4u);
  let a = w[row * 3u * size + i];
  let b = w[(row * 3u + 1u) * size + i];
  let d = w[(row * 3u + 2u) * size + i];
  return mat4x4f(a, 0.5 * (a + b + d), 0.5 * (a - b + d), d);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.c * (p.k / 4u)) {
    return;
  }
  let l0 = line(0u, i);
  let l1 = line(1u, i);
  let l2 = line(2u, i);
  store(0u, i, l0);
  store(4u, i, 0.5 * (l0 + l1 + l2));
  store(8u, i, 0.5 * (l0 - l1 + l2));
  store(12u, i, l2);
}

fn store(first: u32, i: u32, m: mat4x4f) {
  let size = p.c * (p.k / 4u);
  u[first * size + i] = m[0];
  u[(first + 1u) * size + i] = m[1];
  u[(first + 2u) * size + i] = m[2];
  u[(first + 3u) * size + i] = m[3];
}
