// dx = sum of dy over the outputs that read this pixel (resize.wgsl), each times the weight it reads it with.
@group(0) @binding(0) var<storage, read> dy: array<E>;
@group(0) @binding(1) var<storage, read_write> dx: array<E>;
struct Params { n: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32, nearest: u32 }
@group(0) @binding(2) var<uniform> p: Params;

fn readers(at: u32, input: u32, output: u32) -> vec2u {
  if (p.nearest != 0u) {
    return nearest_readers_of(at, input, output);
  }
  return readers_of(at, input, output);
}

fn weight(at: u32, i: u32, input: u32, output: u32) -> f32 {
  return select(weight_of(at, i, input, output), 1.0, p.nearest != 0u);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let o = pixel_of(i, p.height, p.width, p.channels);
  let ys = readers(o.row, p.height, p.out_height);
  let xs = readers(o.column, p.width, p.out_width);
  let to = ((o.image * p.height + o.row) * p.width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var sum = 0.0;
    for (var row = ys.x; row < ys.y; row++) {
      let line = (o.image * p.out_height + row) * p.out_width;
      var along = 0.0;
      for (var column = xs.x; column < xs.y; column++) {
        along += weight(o.column, column, p.width, p.out_width) * f32(dy[(line + column) * p.channels + channel]);
      }
      sum += weight(o.row, row, p.height, p.out_height) * along;
    }
    dx[to + channel] = E(sum);
  }
}
