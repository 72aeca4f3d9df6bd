// Squared distances of the rows of a[rows, width] to those of b[rows, width], summed over one chunk of the width, which is
// divisible by 4. A subgroup has 4·LANES × 16 pairs: each lane loads its own four rows of a, the sixteen of b are loaded once,
// spread over the lanes, and handed round by broadcasts (see lib/lanes.wgsl).
@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
// width and chunk in vectors. The block [rows, rows] starts at `at` of each chunk's `stride` numbers; symmetric: a and b are
// the same, and tiles wholly above the diagonal are left out.
struct Params { rows: u32, width: u32, chunk: u32, chunks: u32, stride: u32, at: u32, symmetric: u32 }
@group(0) @binding(3) var<uniform> p: Params;

// Component r of column c: the distance of the lane's row r to column c.
fn squares(rows: mat4x4f, column: vec4f) -> vec4f {
  let d0 = rows[0] - column;
  let d1 = rows[1] - column;
  let d2 = rows[2] - column;
  let d3 = rows[3] - column;
  return vec4f(dot(d0, d0), dot(d1, d1), dot(d2, d2), dot(d3, d3));
}

fn column_vector(first: u32, i: u32, k: u32) -> vec4f {
  return b[min(first + min(i, 15u), p.rows - 1u) * p.width + k];
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let id = group.x + group.y * groups.x;
  let across = (p.rows + 15u) / 16u;
  let down = (p.rows + 4u * LANES - 1u) / (4u * LANES);
  let first = 16u * (id % across);
  let top = 4u * LANES * (id / across % down);
  let part = id / (across * down);
  if (part >= p.chunks || (p.symmetric != 0u && first >= top + 4u * LANES)) {
    return;
  }
  let own = top + lane + LANES * vec4u(0u, 1u, 2u, 3u);
  let start = min(own, vec4u(p.rows - 1u)) * p.width;
  var s0 = mat4x4f();
  var s1 = mat4x4f();
  var s2 = mat4x4f();
  var s3 = mat4x4f();
  for (var k = part * p.chunk; k < min((part + 1u) * p.chunk, p.width); k++) {
    let rows = mat4x4f(a[start.x + k], a[start.y + k], a[start.z + k], a[start.w + k]);
    let b0 = column_vector(first, lane, k);
    var b1 = b0;
    var b2 = b0;
    var b3 = b0;
    if (LANES < 16u) {
      b1 = column_vector(first, lane + LANES, k);
    }
    if (LANES < 8u) {
      b2 = column_vector(first, lane + 2u * LANES, k);
      b3 = column_vector(first, lane + 3u * LANES, k);
    }
    let c = array<vec4f, 4>(b0, b1, b2, b3);
    s0 += mat4x4f(
      squares(rows, subgroupBroadcast(c[0u / LANES], 0u % LANES)),
      squares(rows, subgroupBroadcast(c[1u / LANES], 1u % LANES)),
      squares(rows, subgroupBroadcast(c[2u / LANES], 2u % LANES)),
      squares(rows, subgroupBroadcast(c[3u / LANES], 3u % LANES)),
    );
    s1 += mat4x4f(
      squares(rows, subgroupBroadcast(c[4u / LANES], 4u % LANES)),
      squares(rows, subgroupBroadcast(c[5u / LANES], 5u % LANES)),
      squares(rows, subgroupBroadcast(c[6u / LANES], 6u % LANES)),
      squares(rows, subgroupBroadcast(c[7u / LANES], 7u % LANES)),
    );
    s2 += mat4x4f(
      squares(rows, subgroupBroadcast(c[8u / LANES], 8u % LANES)),
      squares(rows, subgroupBroadcast(c[9u / LANES], 9u % LANES)),
      squares(rows, subgroupBroadcast(c[10u / LANES], 10u % LANES)),
      squares(rows, subgroupBroadcast(c[11u / LANES], 11u % LANES)),
    );
    s3 += mat4x4f(
      squares(rows, subgroupBroadcast(c[12u / LANES], 12u % LANES)),
      squares(rows, subgroupBroadcast(c[13u / LANES], 13u % LANES)),
      squares(rows, subgroupBroadcast(c[14u / LANES], 14u % LANES)),
      squares(rows, subgroupBroadcast(c[15u / LANES], 15u % LANES)),
    );
  }
  let base = part * p.stride + p.at;
  // Started from a variable, this loop is not unrolled.
  for (var column = first; column < min(first + 16u, p.rows); column++) {
    let i = column - first;
    var m = s0;
    if (i >= 4u) {
      m = s1;
    }
    if (i >= 8u) {
      m = s2;
    }
    if (i >= 12u) {
      m = s3;
    }
    let sums = select(select(m[0], m[1], i % 4u == 1u), select(m[2], m[3], i % 4u == 3u), i % 4u >= 2u);
    for (var r = 0u; r < 4u; r++) {
      if (own[r] < p.rows) {
        partial[base + own[r] * p.rows + column] = sums[r];
      }
    }
  }
}
