// One row of the cross entropy of logits[rows, classes] against labels[rows], label t, smoothing s, class weights w:
// loss = (1 - s) w_t l_t + s / classes · Σ_c w_c l_c with l_c = log Σ e^(x - m) - (x_c - m), m the row's maximum.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
// Planes of `rows` numbers each: loss, w_t, m, log Σ e^(x - m), sum of the target distribution times w.
@group(0) @binding(3) var<storage, read_write> stats: array<f32>;
struct Params { rows: u32, classes: u32, ignored: u32, weighted: u32, smoothing: f32 }
@group(0) @binding(4) var<uniform> p: Params;

fn store(row: u32, loss: f32, weight: f32, m: f32, log_total: f32, target_sum: f32) {
  stats[row] = loss;
  stats[p.rows + row] = weight;
  stats[2u * p.rows + row] = m;
  stats[3u * p.rows + row] = log_total;
  stats[4u * p.rows + row] = target_sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let label = labels[row];
  if (label == p.ignored) {
    store(row, 0.0, 0.0, 0.0, 0.0, 0.0);
    return;
  }
  if (label >= p.classes) {
    // No such class: NaN in the loss and in the row's gradient, because a shader cannot throw.
    let nan = bitcast<f32>(0x7fc00000u | label);
    store(row, nan, 1.0, nan, nan, nan);
    return;
  }
  let start = row * p.classes;
  var m = logits[start];
  for (var c = 1u; c < p.classes; c++) {
    m = larger(m, logits[start + c]);
  }
  var total = 0.0;
  for (var c = 0u; c < p.classes; c++) {
    total += exp_(logits[start + c] - m);
  }
  let log_total = log_(total);
  var weight = 1.0;
  if (p.weighted != 0u) {
    weight = weights[label];
  }
  let own = (1.0 - p.smoothing) * weight;
  var loss = own * (log_total - (logits[start + label] - m));
  var target_sum = own;
  if (p.smoothing > 0.0) {
    var smooth_loss = 0.0;
    var smooth_sum = 0.0;
    for (var c = 0u; c < p.classes; c++) {
      var w = 1.0;
      if (p.weighted != 0u) {
        w = weights[c];
      }
      smooth_loss += w * (log_total - (logits[start + c] - m));
      smooth_sum += w;
    }
    let share = p.smoothing / f32(p.classes);
    loss += share * smooth_loss;
    target_sum += share * smooth_sum;
  }
  store(row, loss, weight, m, log_total, target_sum);
}
