// dx = scale * (g - offset - slope * (x - mean)) for x[rows, channels], with coefficient[4, channels] = scale, mean,
// offset, slope from batch_norm_dparams.wgsl and g as in batch_norm_sums.wgsl; a thread does one V of channels of a few rows.
// Source: Ioffe & Szegedy 2015, the gradients in section 3, collected.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> beta: array<V>;
@group(0) @binding(3) var<storage, read> coefficient: array<V>;
@group(0) @binding(4) var<storage, read_write> dx: array<S>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32 }
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
  let scale = coefficient[channel];
  let center = coefficient[p.channels + channel];
  let offset = coefficient[2u * p.channels + channel];
  let slope = coefficient[3u * p.channels + channel];
  let shift = beta[channel];
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    let d = V(x[at]) - center;
    var g = V(dy[at]);
    if (RELU) {
      g = select(V(0.0), g, d * scale + shift > V(0.0));
    }
    dx[at] = S(scale * (g - offset - slope * d));
  }
}
