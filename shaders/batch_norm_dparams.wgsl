// dbeta = sum of g, dgamma = sum of g * normal: joins the sums of all chunks (batch_norm_sums.wgsl), and prepares
// what batch_norm_dx.wgsl needs of each channel: coefficient[4, channels] = scale, mean, offset, slope with
// dx = scale * (g - offset - slope * (x - mean)); offset and slope are what flows through the statistics of the batch.
// One workgroup a channel.
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbeta: array<f32>;
@group(0) @binding(6) var<storage, read_write> coefficient: array<f32>;
struct Params { rows: u32, channels: u32, chunks: u32, eps: f32, training: u32 }
@group(0) @binding(7) var<uniform> p: Params;

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
  var plain = 0.0;
  var weighted = 0.0;
  for (var k = lane; k < p.chunks; k += LANES) {
    let at = k * p.channels + channel;
    plain += partial[at];
    weighted += partial[p.chunks * p.channels + at];
  }
  let beta_total = lane_sum(lane, plain);
  let gamma_total = lane_sum(lane, weighted);
  if (lane == 0u) {
    let deviation = sqrt(variance[channel] + p.eps);
    let moving = p.training != 0u;
    let rows = f32(p.rows);
    dbeta[channel] = beta_total;
    dgamma[channel] = gamma_total;
    coefficient[channel] = gamma[channel] / deviation;
    coefficient[p.channels + channel] = mean[channel];
    coefficient[2u * p.channels + channel] = select(0.0, beta_total / rows, moving);
    coefficient[3u * p.channels + channel] = select(0.0, gamma_total / rows / deviation, moving);
  }
}
