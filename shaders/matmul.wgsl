// y[m,n] = Σ_k a[m,k] b[k,n], each operand read through two strides, so that transposed ones need no copy.
// `batches` products, one behind the other in a, b and y. One thread: 4 rows × 4 columns in registers, no workgroup memory; columns
// vary fastest over threads.
@group(0) @binding(0) var<storage, read> a: array<E>;
@group(0) @binding(1) var<storage, read> b: array<E>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;
// a[m,k] is at m·a_row + k·a_col; b[k,n] at k·b_row + n·b_col.
struct Params { rows: u32, inner: u32, cols: u32, a_row: u32, a_col: u32, b_row: u32, b_col: u32, batches: u32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let tiles = (p.cols + 3u) / 4u;
  let i = thread_id(global, groups);
  let lines = (p.rows + 3u) / 4u;
  let batch = i / tiles / lines;
  let row = 4u * (i / tiles % lines);
  let col = 4u * (i % tiles);
  if (batch >= p.batches) {
    return;
  }
  // Rows and columns beyond the end repeat the last one and are not stored.
  let r = min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(p.rows - 1u)) * p.a_row + batch * p.rows * p.inner;
  let c = min(vec4u(col, col + 1u, col + 2u, col + 3u), vec4u(p.cols - 1u)) * p.b_col + batch * p.inner * p.cols;
  var y0 = vec4f();
  var y1 = vec4f();
  var y2 = vec4f();
  var y3 = vec4f();
  for (var k = 0u; k < p.inner; k++) {
    let ka = k * p.a_col;
    let kb = k * p.b_row;
    let v = vec4f(vec4(b[kb + c.x], b[kb + c.y], b[kb + c.z], b[kb + c.w]));
    y0 += f32(a[ka + r.x]) * v;
    y1 += f32(a[ka + r.y]) * v;
    y2 += f32(a[ka + r.z]) * v;
    y3 += f32(a[ka + r.w]) * v;
  }
  store(batch, row, col, y0);
  store(batch, row + 1u, col, y1);
  store(batch, row + 2u, col, y2);
  store(batch, row + 3u, col, y3);
}

fn store(batch: u32, row: u32, col: u32, v: vec4f) {
  if (row >= p.rows) {
    return;
  }
  for (var j = 0u; j < min(4u, p.cols - col); j++) {
    y[(batch * p.rows + row) * p.cols + col + j] = E(v[j]);
  }
}
