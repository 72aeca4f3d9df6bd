// Joins the moments of all chunks (batch_norm_moments.wgsl) into mean and biased variance of each channel, and moves the
// running statistics towards them: running = (1 - momentum) * running + momentum * batch, with the unbiased variance,
// where that is finite. One workgroup a channel. Source: pairwise joining of moments, Chan, Golub & LeVeque 1983, eq. 2.1.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> partial: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> running_mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> running_var: array<f32>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32, momentum: f32 }
@group(0) @binding(6) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let channel = group.x + group.y * groups.x;
  if (channel >= p.channels) {
    return;
  }
  let rows = f32(p.rows);
  var sum = 0.0;
  for (var k = lane; k < p.chunks; k += LANES) {
    let n = f32(min(p.chunk, p.rows - k * p.chunk));
    sum += n * partial[k * p.channels + channel];
  }
  let offset = lane_sum(lane, sum) / rows;
  var squares = 0.0;
  for (var k = lane; k < p.chunks; k += LANES) {
    let n = f32(min(p.chunk, p.rows - k * p.chunk));
    let at = k * p.channels + channel;
    let d = partial[at] - offset;
    squares += partial[p.chunks * p.channels + at] + n * d * d;
  }
  let total = lane_sum(lane, squares);
  if (lane == 0u) {
    // Equal values may leave a rounding error below zero; NaN is not below zero and stays.
    let spread = select(total, 0.0, total < 0.0);
    let center = f32(x[channel]) + offset;
    mean[channel] = center;
    variance[channel] = spread / rows;
    // A step with such a value is skipped; what it would leave here would stay.
    if (nonfinite(spread)) {
      return;
    }
    running_mean[channel] = (1.0 - p.momentum) * running_mean[channel] + p.momentum * center;
    running_var[channel] = (1.0 - p.momentum) * running_var[channel] + p.momentum * (spread / (rows - 1.0));
  }
}
