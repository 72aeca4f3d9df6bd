// y[m,n] = Σ_k a[m,k] b[k,n] of f16 matrices with f32 sums, by the adapter's matrix units; A_TRANSPOSED: a is stored as [k,m];
// B_TRANSPOSED: b is stored as [n,k]. All extents are divisible by SIDE. `batches` products, one behind the other in a, b and y.
// A workgroup is one subgroup of LANES threads; it has a tile of 4 × 2 fragments of SIDE × SIDE.
@group(0) @binding(0) var<storage, read> a: array<E>;
@group(0) @binding(1) var<storage, read> b: array<E>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;
// a[m,k] is at m·a_row + k·a_col; b[k,n] at k·b_row + n·b_col.
struct Params { rows: u32, inner: u32, cols: u32, a_row: u32, a_col: u32, b_row: u32, b_col: u32, batches: u32 }
@group(0) @binding(3) var<uniform> p: Params;

// Sums are f32 and cannot be stored into f16: they pass through here, one fragment at a time.
var<workgroup> sums: array<f32, SIDE * SIDE>;

// Fragments beyond the end repeat the last one and are not stored.
fn load_a(batch: u32, row: u32, k: u32) -> subgroup_matrix_left<E, SIDE, SIDE> {
  let at = batch * p.rows * p.inner + min(row, p.rows - SIDE) * p.a_row + k * p.a_col;
  if (A_TRANSPOSED) {
    return subgroupMatrixLoad<subgroup_matrix_left<E, SIDE, SIDE>, col_major>(&a, at, p.a_col);
  }
  return subgroupMatrixLoad<subgroup_matrix_left<E, SIDE, SIDE>, row_major>(&a, at, p.a_row);
}

fn load_b(batch: u32, k: u32, col: u32) -> subgroup_matrix_right<E, SIDE, SIDE> {
  let at = batch * p.inner * p.cols + k * p.b_row + min(col, p.cols - SIDE) * p.b_col;
  if (B_TRANSPOSED) {
    return subgroupMatrixLoad<subgroup_matrix_right<E, SIDE, SIDE>, col_major>(&b, at, p.b_col);
  }
  return subgroupMatrixLoad<subgroup_matrix_right<E, SIDE, SIDE>, row_major>(&b, at, p.b_row);
}

fn store(fragment: subgroup_matrix_result<f32, SIDE, SIDE>, batch: u32, row: u32, col: u32, lane: u32) {
  if (row >= p.rows || col >= p.cols) {
    return;
  }
  subgroupMatrixStore<row_major>(&sums, 0u, fragment, SIDE);
  workgroupBarrier();
  for (var i = lane; i < SIDE * SIDE; i += LANES) {
    y[(batch * p.rows + row + i / SIDE) * p.cols + col + i % SIDE] = E(sums[i]);
  }
  workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row_tiles = (p.rows + 4u * SIDE - 1u) / (4u * SIDE);
  let col_tiles = (p.cols + 2u * SIDE - 1u) / (2u * SIDE);
  let tile = group.x + group.y * groups.x;
  let batch = tile / (row_tiles * col_tiles);
  if (batch >= p.batches) {
    return;
  }
  let row = (tile / col_tiles - batch * row_tiles) * 4u * SIDE;
  let col = tile % col_tiles * 2u * SIDE;
  // By name, not in an array: a driver may keep indexed fragments in memory.
  var y00: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y01: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y10: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y11: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y20: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y21: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y30: subgroup_matrix_result<f32, SIDE, SIDE>;
  var y31: subgroup_matrix_result<f32, SIDE, SIDE>;
  for (var k = 0u; k < p.inner; k += SIDE) {
    let b0 = load_b(batch, k, col);
    let b1 = load_b(batch, k, col + SIDE);
    let a0 = load_a(batch, row, k);
    y00 = subgroupMatrixMultiplyAccumulate(a0, b0, y00);
    y01 = subgroupMatrixMultiplyAccumulate(a0, b1, y01);
    let a1 = load_a(batch, row + SIDE, k);
    y10 = subgroupMatrixMultiplyAccumulate(a1, b0, y10);
    y11 = subgroupMatrixMultiplyAccumulate(a1, b1, y11);
    let a2 = load_a(batch, row + 2u * SIDE, k);
    y20 = subgroupMatrixMultiplyAccumulate(a2, b0, y20);
    y21 = subgroupMatrixMultiplyAccumulate(a2, b1, y21);
    let a3 = load_a(batch, row + 3u * SIDE, k);
    y30 = subgroupMatrixMultiplyAccumulate(a3, b0, y30);
    y31 = subgroupMatrixMultiplyAccumulate(a3, b1, y31);
  }
  store(y00, batch, row, col, lane);
  store(y01, batch, row, col + SIDE, lane);
  store(y10, batch, row + SIDE, col, lane);
  store(y11, batch, row + SIDE, col + SIDE, lane);
  store(y20, batch, row + 2u * SIDE, col, lane);
  store(y21, batch, row + 2u * SIDE, col + SIDE, lane);
  store(y30, batch, row + 3u * SIDE, col, lane);
  store(y31, batch, row + 3u * SIDE, col + SIDE, lane);
}
