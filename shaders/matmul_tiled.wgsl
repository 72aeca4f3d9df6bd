// y[m,n] = Σ_k a[m,k] b[k,n], each operand read through two strides, so that transposed ones need no copy.
// `batches` products, one behind the other in a, b and y. Workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> a: array<E>;
@group(0) @binding(1) var<storage, read> b: array<E>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;
// a[m,k] is at m·a_row + k·a_col; b[k,n] at k·b_row + n·b_col.
struct Params { rows: u32, inner: u32, cols: u32, a_row: u32, a_col: u32, b_row: u32, b_col: u32, batches: u32 }
@group(0) @binding(3) var<uniform> p: Params;

var<private> batch: u32;
const FOUR = vec4u(0u, 1u, 2u, 3u);

fn a_runs_inner() -> bool { return p.a_col == 1u; }
fn b_runs_inner() -> bool { return p.b_row == 1u; }

// Rows and columns beyond the end repeat the last one and are not stored.
fn load_a(row: u32, k: u32) -> vec4f {
  let at = min(row + FOUR, vec4u(p.rows - 1u)) * p.a_row + k * p.a_col + batch * p.rows * p.inner;
  return vec4f(vec4(a[at.x], a[at.y], a[at.z], a[at.w]));
}

fn load_b(k: u32, col: u32) -> vec4f {
  let at = batch * p.inner * p.cols + k * p.b_row + min(col + FOUR, vec4u(p.cols - 1u)) * p.b_col;
  return vec4f(vec4(b[at.x], b[at.y], b[at.z], b[at.w]));
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let row0 = (tile.x + tile.y * tiles.x) * 4u * T;
  let col_tiles = (p.cols + 4u * T - 1u) / (4u * T);
  batch = tile.z / col_tiles;
  let col0 = tile.z % col_tiles * 4u * T;
  let acc = tile_product(row0, col0, local.xy, 0u, p.inner);
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  for (var i = 0u; i < 4u; i++) {
    for (var j = col; row + i < p.rows && j < min(col + 4u, p.cols); j++) {
      y[(batch * p.rows + row + i) * p.cols + j] = E(acc[i][j - col]);
    }
  }
}
