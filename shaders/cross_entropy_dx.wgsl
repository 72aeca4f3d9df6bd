// dlogits_c = dy / (sum of weights) · (softmax_c · target_sum - target_c · w_c), 0 in ignored rows; stats as in
// cross_entropy.wgsl, sums = sum of the losses and of the weights.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> sums: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;
struct Params { rows: u32, classes: u32, ignored: u32, weighted: u32, smoothing: f32 }
@group(0) @binding(7) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let start = row * p.classes;
  let label = labels[row];
  if (label == p.ignored || sums[1] == 0.0) {
    for (var c = 0u; c < p.classes; c++) {
      dx[start + c] = 0.0;
    }
    return;
  }
  let m = stats[2u * p.rows + row];
  let log_total = stats[3u * p.rows + row];
  let target_sum = stats[4u * p.rows + row];
  let scale = dy[0] / sums[1];
  for (var c = 0u; c < p.classes; c++) {
    var wanted = p.smoothing / f32(p.classes) + select(0.0, 1.0 - p.smoothing, c == label);
    if (p.weighted != 0u) {
      wanted *= weights[c];
    }
    dx[start + c] = scale * (exp_((logits[start + c] - m) - log_total) * target_sum - wanted);
  }
}
