// y = gamma * (x - mean) / sqrt(variance + eps) + beta for x[rows, channels]; a thread does one channel of a few rows.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read> mean: array<f32>;
@group(0) @binding(4) var<storage, read> variance: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32, eps: f32 }
@group(0) @binding(6) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.chunks * p.channels) {
    return;
  }
  let channel = i % p.channels;
  let first = (i / p.channels) * p.chunk;
  let end = min(first + p.chunk, p.rows) * p.channels;
  let scale = gamma[channel] / sqrt(variance[channel] + p.eps);
  let center = mean[channel];
  let shift = beta[channel];
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    y[at] = (x[at] - center) * scale + shift;
  }
}
