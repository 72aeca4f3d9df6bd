// For each chunk of rows of x[rows, channels] and each channel: the mean less the first row's value, and the sum of squares
// around the mean. partial[0, chunk, channel] and partial[1, chunk, channel]. Two passes, so nothing large is squared.
// Source: corrected two-pass algorithm, Chan, Golub & LeVeque 1983, eq. 1.7.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
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
  let last = min(first + p.chunk, p.rows);
  let begin = first * p.channels + channel;
  let end = last * p.channels;
  let n = f32(last - first);
  let shift = x[channel];
  var sum = 0.0;
  for (var at = begin; at < end; at += p.channels) {
    sum += x[at] - shift;
  }
  let mean = sum / n;
  var squares = 0.0;
  var rest = 0.0;
  for (var at = begin; at < end; at += p.channels) {
    let d = (x[at] - shift) - mean;
    squares += d * d;
    rest += d;
  }
  partial[i] = mean;
  partial[p.chunks * p.channels + i] = squares - rest * rest / n;
}
