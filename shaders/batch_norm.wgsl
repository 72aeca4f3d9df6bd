// y = gamma * (x - mean) / sqrt(variance + eps) + beta for x[rows, channels], plus `residual` if RESIDUAL, cut off below 0
// if RELU; a thread does one V of channels, which `channels` counts, of a few rows.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> gamma: array<V>;
@group(0) @binding(2) var<storage, read> beta: array<V>;
@group(0) @binding(3) var<storage, read> mean: array<V>;
@group(0) @binding(4) var<storage, read> variance: array<V>;
@group(0) @binding(5) var<storage, read> residual: array<S>;
@group(0) @binding(6) var<storage, read_write> y: array<S>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32, eps: f32 }
@group(0) @binding(7) var<uniform> p: Params;

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
    var v = (V(x[at]) - center) * scale + shift;
    if (RESIDUAL) {
      v += V(residual[at]);
    }
    if (RELU) {
      v = select(v, V(0.0), v < V(0.0));
    }
    y[at] = S(v);
  }
}
