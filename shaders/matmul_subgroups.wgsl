// y[m,n] = Σ_k a[m,k] b[k,n]; A_TRANSPOSED: a is stored as [k,m]; B_TRANSPOSED: b is stored as [n,k]. The inner extent, the columns
// and, where a is transposed, the rows are divisible by 4. `batches` products, one behind the other in a, b and y. A tile of
// 4·LANES × 4·QUADS for each subgroup.
@group(0) @binding(0) var<storage, read> a: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<E>>;
// a[m,k] is at m·a_row + k·a_col; b[k,n] at k·b_row + n·b_col.
struct Params { rows: u32, inner: u32, cols: u32, a_row: u32, a_col: u32, b_row: u32, b_col: u32, batches: u32 }
@group(0) @binding(3) var<uniform> p: Params;

var<private> first_col: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let col = first_col + 4u * v;
  if (B_TRANSPOSED) {
    return vec4f(b[base + min(col + i, p.cols - 1u) * (p.b_col / 4u)]);
  }
  return vec4f(b[base + i * (p.b_row / 4u) + min(col, p.cols - 4u) / 4u]);
}

fn arrange_b(m: mat4x4f) -> mat4x4f {
  if (B_TRANSPOSED) {
    return transpose(m);
  }
  return m;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let col_tiles = (p.cols + 4u * QUADS - 1u) / (4u * QUADS);
  let row_tiles = (p.rows + 4u * LANES - 1u) / (4u * LANES);
  let tile = group.x + group.y * groups.x;
  // Tiles beyond the end repeat the last product and are not stored.
  let batch = min(tile / (col_tiles * row_tiles), p.batches - 1u);
  first_col = tile % col_tiles * 4u * QUADS;
  // Four neighbouring rows where they are one vector of a; rows beyond the end repeat the last ones and are not stored.
  let four = vec4u(0u, 1u, 2u, 3u);
  let own = select(lane + LANES * four, 4u * lane + four, A_TRANSPOSED);
  let rows = (tile / col_tiles - batch * row_tiles) * 4u * LANES + own;
  let row = min(rows, vec4u(p.rows - 1u));
  let a_first = batch * p.rows * p.inner / 4u;
  let b_first = batch * p.inner * p.cols / 4u;
  for (var k = 0u; k < p.inner; k += 4u) {
    var m: mat4x4f;
    if (A_TRANSPOSED) {
      let at = a_first + (k + four) * (p.a_col / 4u) + row.x / 4u;
      m = transpose(mat4x4f(vec4f(a[at.x]), vec4f(a[at.y]), vec4f(a[at.z]), vec4f(a[at.w])));
    } else {
      let at = a_first + row * (p.a_row / 4u) + k / 4u;
      m = mat4x4f(vec4f(a[at.x]), vec4f(a[at.y]), vec4f(a[at.z]), vec4f(a[at.w]));
    }
    accumulate(m, b_first + k * p.b_row / 4u, lane);
  }
  for (var col = first_col; col < min(first_col + 4u * QUADS, p.cols); col += 4u) {
    var r = 0u;
    for (var i = rows.x; i < rows.x + 4u * LANES; i += LANES) {
      if (rows[r] < p.rows) {
        y[((batch * p.rows + rows[r]) * p.cols + col) / 4u] = vec4<E>(sum_of(r, (col - first_col) / 4u));
      }
      r += 1u;
    }
  }
}
