// u[i,j][a,b] = (G g Gᵀ)[i,j] of the 3 × 3 weights g that lead from channel a of what is convolved to channel b of the result: a is
// the input's channel and b the filter; where TURNED (for the input gradient) the other way round, with g turned by 180°.
// One thread: 4 neighbours b. Source: Lavin & Gray 2016, equation 10.
@group(0) @binding(0) var<storage, read> w: array<E>;
@group(0) @binding(1) var<storage, read_write> u: array<vec4f>;
struct Params { c: u32, k: u32 }
@group(0) @binding(2) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);

fn weights(tap: u32, a: u32, b: u32) -> vec4f {
  var at = (tap * p.c + a) * p.k + b + FOUR;
  if (TURNED) {
    at = ((8u - tap) * p.c + b + FOUR) * p.k + a;
  }
  return vec4f(vec4(w[at.x], w[at.y], w[at.z], w[at.w]));
}

// One row of the weights, combined along the row.
fn line(row: u32, a: u32, b: u32) -> mat4x4f {
  let left = weights(row * 3u, a, b);
  let middle = weights(row * 3u + 1u, a, b);
  let right = weights(row * 3u + 2u, a, b);
  return mat4x4f(left, 0.5 * (left + middle + right), 0.5 * (left - middle + right), right);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.c * p.k / 4u) {
    return;
  }
  let quads = select(p.k, p.c, TURNED) / 4u;
  let a = i / quads;
  let b = (i - a * quads) * 4u;
  let l0 = line(0u, a, b);
  let l1 = line(1u, a, b);
  let l2 = line(2u, a, b);
  store(0u, i, l0);
  store(4u, i, 0.5 * (l0 + l1 + l2));
  store(8u, i, 0.5 * (l0 - l1 + l2));
  store(12u, i, l2);
}

fn store(first: u32, i: u32, m: mat4x4f) {
  let size = p.c * p.k / 4u;
  u[first * size + i] = m[0];
  u[(first + 1u) * size + i] = m[1];
  u[(first + 2u) * size + i] = m[2];
  u[(first + 3u) * size + i] = m[3];
}
