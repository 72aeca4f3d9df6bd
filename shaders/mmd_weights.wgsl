// weights[3, rows, rows]: what each difference z_i - z_j contributes to the gradient of z_i, 4 dy / rows² times the
// derivative of the kernel sum by the squared distance; the block source-target counts negatively.
@group(0) @binding(0) var<storage, read> distances: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
struct Params { rows: u32, kernels: u32, multiplier: f32, lowest: f32 }
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  let area = p.rows * p.rows;
  if (i >= 3u * area) {
    return;
  }
  let smallest = smallest_bandwidth(sums[0], sums[1], sums[2], p.rows, p.lowest);
  let slope = -kernel_sum(distances[i], smallest, p.kernels, p.multiplier).y;
  let sign = select(1.0, -1.0, i / area == 1u);
  weights[i] = sign * (4.0 * dy[0] / f32(area)) * slope;
}
