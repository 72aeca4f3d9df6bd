// y[row] = position of the first largest element of x[row, columns]; NaN counts as the largest.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
struct Params { rows: u32, columns: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let start = row * p.columns;
  var best = 0u;
  var largest = x[start];
  for (var c = 1u; c < p.columns; c++) {
    let v = x[start + c];
    if (v > largest || (is_nan(v) && !is_nan(largest))) {
      largest = v;
      best = c;
    }
  }
  y[row] = best;
}
