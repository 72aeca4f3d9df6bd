// dx_i = factor dy Σ_j w_ij (x_i - x_j) + v_ij (x_i - other_j) for the rows of x[rows, width]; a thread has 4 rows and 4 columns.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> other: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
// w_ij is at own_at + 2·rows·i + j, v_ij at cross_at + 2·rows·i + j.
struct Params { rows: u32, width: u32, own_at: u32, cross_at: u32, factor: f32 }
@group(0) @binding(5) var<uniform> p: Params;

const THREADS = 64u;

fn gather_x(row: u32, d: vec4u) -> vec4f {
  let at = min(row, p.rows - 1u) * p.width + d;
  return vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn gather_other(row: u32, d: vec4u) -> vec4f {
  let at = row * p.width + d;
  return vec4f(other[at.x], other[at.y], other[at.z], other[at.w]);
}

fn term(row: u32, j: u32, z: vec4f, u: vec4f, v: vec4f) -> vec4f {
  let at = 2u * p.rows * min(row, p.rows - 1u) + j;
  return weights[p.own_at + at] * (z - u) + weights[p.cross_at + at] * (z - v);
}

fn store(row: u32, d: vec4u, value: vec4f) {
  for (var k = 0u; k < 4u; k++) {
    if (row < p.rows && d[k] < p.width) {
      dx[row * p.width + d[k]] = p.factor * dy[0] * value[k];
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  let row = 4u * group.y;
  let columns = vec4u(0u, 1u, 2u, 3u) * THREADS + 4u * THREADS * group.x + lane;
  let d = min(columns, vec4u(p.width - 1u));
  let z0 = gather_x(row, d);
  let z1 = gather_x(row + 1u, d);
  let z2 = gather_x(row + 2u, d);
  let z3 = gather_x(row + 3u, d);
  var s0 = vec4f(0.0);
  var s1 = vec4f(0.0);
  var s2 = vec4f(0.0);
  var s3 = vec4f(0.0);
  for (var j = 0u; j < p.rows; j++) {
    let u = gather_x(j, d);
    let v = gather_other(j, d);
    s0 += term(row, j, z0, u, v);
    s1 += term(row + 1u, j, z1, u, v);
    s2 += term(row + 2u, j, z2, u, v);
    s3 += term(row + 3u, j, z3, u, v);
  }
  store(row, columns, s0);
  store(row + 1u, columns, s1);
  store(row + 2u, columns, s2);
  store(row + 3u, columns, s3);
}
