// For each chunk of rows and each channel: the sums of dy and of dy * normal, normal = (x - mean) / sqrt(variance + eps).
// partial[0, chunk, channel] and partial[1, chunk, channel].
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial: array<f32>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32, eps: f32 }
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.chunks * p.channels) {
    return;
  }
  let channel = i % p.channels;
  let first = (i / p.channels) * p.chunk;
  let end = min(first + p.chunk, p.rows) * p.channels;
  let center = mean[channel];
  var plain = 0.0;
  var weighted = 0.0;
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    plain += dy[at];
    weighted += dy[at] * (x[at] - center);
  }
  partial[i] = plain;
  partial[p.chunks * p.channels + i] = weighted / sqrt(variance[channel] + p.eps);
}
