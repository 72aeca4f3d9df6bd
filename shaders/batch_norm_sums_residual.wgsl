// What batch_norm_sums.wgsl does, for an output y cut off below 0 after a residual was added: g = dy where y is above 0, also
// written out, because it is the gradient of the residual.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> dy: array<S>;
@group(0) @binding(2) var<storage, read> y: array<S>;
@group(0) @binding(3) var<storage, read> mean: array<V>;
@group(0) @binding(4) var<storage, read> variance: array<V>;
@group(0) @binding(5) var<storage, read_write> g: array<S>;
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
  let center = mean[channel];
  var plain = V(0.0);
  var weighted = V(0.0);
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    let passed = select(V(0.0), V(dy[at]), V(y[at]) > V(0.0));
    g[at] = S(passed);
    plain += passed;
    weighted += passed * (V(x[at]) - center);
  }
  partial[i] = plain;
  partial[p.chunks * p.channels + i] = weighted / sqrt(variance[channel] + p.eps);
}
