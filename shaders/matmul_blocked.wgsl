// y[m,n] = Σ_k a[m,k] b[k,n], each operand read along its innermost axis, transposed or not. The inner extent, the columns and,
// where a is transposed, the rows are divisible by 4. `batches` products, one behind the other in a, b and y.
// Workgroup-memory tiles of 8T × 8T.
@group(0) @binding(0) var<storage, read> a: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<E>>;
// a[m,k] is at m·a_row + k·a_col; b[k,n] at k·b_row + n·b_col.
struct Params { rows: u32, inner: u32, cols: u32, a_row: u32, a_col: u32, b_row: u32, b_col: u32, batches: u32 }
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> batch: u32;

// Rows and columns beyond the end repeat the last ones and are not stored.
fn load_a(row: u32, k: u32) -> mat4x4f {
  let first = batch * p.rows * p.inner / 4u;
  if (p.a_col > 1u) {
    let at = first + (k + FOUR) * (p.a_col / 4u) + min(row, p.rows - 4u) / 4u;
    return transpose(mat4x4f(vec4f(a[at.x]), vec4f(a[at.y]), vec4f(a[at.z]), vec4f(a[at.w])));
  }
  let at = first + min(row + FOUR, vec4u(p.rows - 1u)) * (p.a_row / 4u) + k / 4u;
  return mat4x4f(vec4f(a[at.x]), vec4f(a[at.y]), vec4f(a[at.z]), vec4f(a[at.w]));
}

fn load_b(k: u32, col: u32) -> mat4x4f {
  let first = batch * p.inner * p.cols / 4u;
  let inside = min(col, p.cols - 4u);
  if (p.b_row == 1u) {
    let at = first + (inside + FOUR) * (p.b_col / 4u) + k / 4u;
    return transpose(mat4x4f(vec4f(b[at.x]), vec4f(b[at.y]), vec4f(b[at.z]), vec4f(b[at.w])));
  }
  let at = first + (k + FOUR) * (p.b_row / 4u) + inside / 4u;
  return mat4x4f(vec4f(b[at.x]), vec4f(b[at.y]), vec4f(b[at.z]), vec4f(b[at.w]));
}

fn store(row: u32, col: u32, sums: mat4x4f) {
  store_row(row, col, sums[0]);
  store_row(row + 1u, col, sums[1]);
  store_row(row + 2u, col, sums[2]);
  store_row(row + 3u, col, sums[3]);
}

fn store_row(row: u32, col: u32, values: vec4f) {
  if (row < p.rows && col < p.cols) {
    y[((batch * p.rows + row) * p.cols + col) / 4u] = vec4<E>(values);
  }
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let col_tiles = (p.cols + SIDE - 1u) / SIDE;
  batch = tile.z / col_tiles;
  let row0 = (tile.x + tile.y * tiles.x) * SIDE;
  let col0 = tile.z % col_tiles * SIDE;
  let sums = block_product(row0, col0, local.xy, p.inner);
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  store(row, col, sums.m00);
  store(row, col + 4u * T, sums.m01);
  store(row + 4u * T, col, sums.m10);
  store(row + 4u * T, col + 4u * T, sums.m11);
}
