// For each chunk of rows and each channel: the sums of g and of g * normal, normal = (x - mean) / sqrt(variance + eps), with
// g = dy, or if RELU, dy where the output (batch_norm.wgsl, without residual) is above 0: computing that anew is cheaper
// than loading it. partial[0, chunk, channel] and partial[1, chunk, channel]. A thread has one V of channels.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> gamma: array<V>;
@group(0) @binding(3) var<storage, read> beta: array<V>;
@group(0) @binding(4) var<storage, read> mean: array<V>;
@group(0) @binding(5) var<storage, read> variance: array<V>;
@group(0) @binding(6) var<storage, read_write> partial: array<V>;
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
  let deviation = sqrt(variance[channel] + p.eps);
  let scale = gamma[channel] / deviation;
  let center = mean[channel];
  let shift = beta[channel];
  var plain = V(0.0);
  var weighted = V(0.0);
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    let d = V(x[at]) - center;
    var g = V(dy[at]);
    if (RELU) {
      g = select(V(0.0), g, d * scale + shift > V(0.0));
    }
    plain += g;
    weighted += g * d;
  }
  partial[i] = plain;
  partial[p.chunks * p.channels + i] = weighted / deviation;
}
