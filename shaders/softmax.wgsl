// Rows of x[rows, columns]: y = e^(x - m) / Σ e^(x - m) with m the row's maximum; LOG: y = (x - m) - log Σ e^(x - m).
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Params { rows: u32, columns: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let start = row * p.columns;
  let end = start + p.columns;
  var m = x[start];
  for (var i = start + 1u; i < end; i++) {
    m = larger(m, x[i]);
  }
  var total = 0.0;
  for (var i = start; i < end; i++) {
    let e = exp_(x[i] - m);
    total += e;
    if (!LOG) {
      y[i] = e;
    }
  }
  let log_total = log_(total);
  for (var i = start; i < end; i++) {
    if (LOG) {
      y[i] = (x[i] - m) - log_total;
    } else {
      y[i] /= total;
    }
  }
}
