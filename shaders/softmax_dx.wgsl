// Rows of [rows, columns]: dx = y (d - Σ y d) with d = dy - dy at the largest y, which changes nothing in exact
// arithmetic and avoids cancellation where one y is nearly 1; LOG, where y is the logarithm: dx = dy - e^y Σ dy.
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
struct Params { rows: u32, columns: u32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let start = row * p.columns;
  let end = start + p.columns;
  var total = 0.0;
  if (LOG) {
    for (var i = start; i < end; i++) {
      total += dy[i];
    }
    for (var i = start; i < end; i++) {
      dx[i] = dy[i] - exp_(y[i]) * total;
    }
    return;
  }
  var top = start;
  for (var i = start + 1u; i < end; i++) {
    top = select(top, i, y[i] > y[top]);
  }
  let shift = dy[top];
  for (var i = start; i < end; i++) {
    total += y[i] * (dy[i] - shift);
  }
  for (var i = start; i < end; i++) {
    dx[i] = y[i] * ((dy[i] - shift) - total);
  }
}
