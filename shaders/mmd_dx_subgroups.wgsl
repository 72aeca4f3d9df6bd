// dx_i = factor dy Σ_j w_ij (x_i - x_j) + v_ij (x_i - other_j) for the rows of x[rows, width], both divisible by 4. A subgroup
// has 4·LANES columns of 8 rows (of 4 where it has 4 lanes): each lane loads its own four columns of every row, the weights are
// loaded once, a row a lane, and handed round by broadcasts.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> other: array<vec4f>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4f>;
// w_ij is at own_at + 2·rows·i + j, v_ij at cross_at + 2·rows·i + j.
struct Params { rows: u32, width: u32, own_at: u32, cross_at: u32, factor: f32 }
@group(0) @binding(5) var<uniform> p: Params;

// The rows a lane has loaded: one of each.
const ROWS = select(8u, 4u, LANES < 8u);

fn term(z: vec4f, others: mat4x4f, w: vec4f) -> vec4f {
  return mat4x4f(z - others[0], z - others[1], z - others[2], z - others[3]) * w;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let id = group.x + group.y * groups.x;
  let width = p.width / 4u;
  let across = (width + LANES - 1u) / LANES;
  let column = id % across * LANES + lane;
  let d = min(column, width - 1u);
  let first = id / across * ROWS;
  if (first >= p.rows) {
    return;
  }
  let last = p.rows - 1u;
  let lower = min(vec4u(first, first + 1u, first + 2u, first + 3u), vec4u(last)) * width + d;
  let upper = min(vec4u(first + 4u, first + 5u, first + 6u, first + 7u), vec4u(last)) * width + d;
  let z0 = mat4x4f(x[lower.x], x[lower.y], x[lower.z], x[lower.w]);
  let z1 = mat4x4f(x[upper.x], x[upper.y], x[upper.z], x[upper.w]);
  let row = min(first + lane % ROWS, last) * 2u * p.rows;
  var s0 = mat4x4f();
  var s1 = mat4x4f();
  for (var j = 0u; j < p.rows; j += 4u) {
    let at = j * width + d;
    let u = mat4x4f(x[at], x[at + width], x[at + 2u * width], x[at + 3u * width]);
    let v = mat4x4f(other[at], other[at + width], other[at + 2u * width], other[at + 3u * width]);
    let w = weights[(p.own_at + row + j) / 4u];
    let c = weights[(p.cross_at + row + j) / 4u];
    s0 += mat4x4f(
      term(z0[0], u, subgroupBroadcast(w, 0u)) + term(z0[0], v, subgroupBroadcast(c, 0u)),
      term(z0[1], u, subgroupBroadcast(w, 1u)) + term(z0[1], v, subgroupBroadcast(c, 1u)),
      term(z0[2], u, subgroupBroadcast(w, 2u)) + term(z0[2], v, subgroupBroadcast(c, 2u)),
      term(z0[3], u, subgroupBroadcast(w, 3u)) + term(z0[3], v, subgroupBroadcast(c, 3u)),
    );
    if (ROWS > 4u) {
      s1 += mat4x4f(
        term(z1[0], u, subgroupBroadcast(w, 4u % LANES)) + term(z1[0], v, subgroupBroadcast(c, 4u % LANES)),
        term(z1[1], u, subgroupBroadcast(w, 5u % LANES)) + term(z1[1], v, subgroupBroadcast(c, 5u % LANES)),
        term(z1[2], u, subgroupBroadcast(w, 6u % LANES)) + term(z1[2], v, subgroupBroadcast(c, 6u % LANES)),
        term(z1[3], u, subgroupBroadcast(w, 7u % LANES)) + term(z1[3], v, subgroupBroadcast(c, 7u % LANES)),
      );
    }
  }
  if (column >= width) {
    return;
  }
  let scale = p.factor * dy[0];
  // Started from a variable, this loop is not unrolled.
  for (var i = first; i < min(first + ROWS, p.rows); i++) {
    let r = i - first;
    var m = s0;
    if (r >= 4u) {
      m = s1;
    }
    let sums = select(select(m[0], m[1], r % 4u == 1u), select(m[2], m[3], r % 4u == 3u), r % 4u >= 2u);
    dx[i * width + column] = scale * sums;
  }
}
