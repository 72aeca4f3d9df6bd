// dx = scale * (dy - offset - slope * (x - mean)) for x[rows, channels], with coefficient[4, channels] = scale, mean,
// offset, slope from batch_norm_dparams.wgsl; a thread does one channel of a few rows.
// Source: Ioffe & Szegedy 2015, the gradients in section 3, collected.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> coefficient: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32 }
@group(0) @binding(4) var<uniform> p: Params;

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
  let mean = coefficient[p.channels + channel];
  let offset = coefficient[2u * p.channels + channel];
  let slope = coefficient[3u * p.channels + channel];
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    dx[at] = scale * (dy[at] - offset - slope * (x[at] - mean));
  }
}
