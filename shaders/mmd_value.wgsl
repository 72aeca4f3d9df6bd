// values[i, j] = K_ss + K_tt - 2 K_st of the squared distances [3, rows, rows] of the pairs (s_i, s_j), (s_i, t_j),
// (t_i, t_j); their mean is the discrepancy, because Σ K_st = Σ K_ts.
@group(0) @binding(0) var<storage, read> distances: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
struct Params { rows: u32, kernels: u32, multiplier: f32, lowest: f32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  let area = p.rows * p.rows;
  if (i >= area) {
    return;
  }
  let smallest = smallest_bandwidth(sums[0], sums[1], sums[2], p.rows, p.lowest);
  let ss = kernel_sum(distances[i], smallest, p.kernels, p.multiplier).x;
  let st = kernel_sum(distances[area + i], smallest, p.kernels, p.multiplier).x;
  let tt = kernel_sum(distances[2u * area + i], smallest, p.kernels, p.multiplier).x;
  // In this order equal sets give exactly 0.
  values[i] = (ss - st) + (tt - st);
}
