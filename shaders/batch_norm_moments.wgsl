// For each chunk of rows of x[rows, channels] and each channel: the mean less the first row's value, and the sum of squares
// around the mean. partial[0, chunk, channel] and partial[1, chunk, channel]. A thread has one V of channels, which
// `channels` counts. Source: Welford 1962: each value is loaded once, and nothing large is squared.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> partial: array<V>;
struct Params { rows: u32, channels: u32, chunk: u32, chunks: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.chunks * p.channels) {
    return;
  }
  let channel = i % p.channels;
  let first = (i / p.channels) * p.chunk;
  let end = min(first + p.chunk, p.rows) * p.channels;
  let shift = V(x[channel]);
  var n = 0.0;
  var mean = V(0.0);
  var squares = V(0.0);
  for (var at = first * p.channels + channel; at < end; at += p.channels) {
    let v = V(x[at]) - shift;
    let d = v - mean;
    n += 1.0;
    mean += d / n;
    squares += d * (v - mean);
  }
  partial[i] = mean;
  partial[p.chunks * p.channels + i] = squares;
}
