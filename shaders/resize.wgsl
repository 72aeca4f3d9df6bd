// y = x[image, height, width, channels] at other extents: the nearest pixel, or bilinear between four.
// Source: PyTorch, interpolate with align_corners=False, no antialiasing.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read_write> y: array<E>;
struct Params { n: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32, nearest: u32 }
@group(0) @binding(2) var<uniform> p: Params;

fn line(image: u32, row: u32) -> u32 {
  return (image * p.height + row) * p.width;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let o = pixel_of(i, p.out_height, p.out_width, p.channels);
  let to = ((o.image * p.out_height + o.row) * p.out_width + o.column) * p.channels;
  if (p.nearest != 0u) {
    let row = o.row * p.height / p.out_height;
    let column = o.column * p.width / p.out_width;
    let at = (line(o.image, row) + column) * p.channels;
    for (var channel = o.channel; channel < p.channels; channel += o.step) {
      y[to + channel] = x[at + channel];
    }
    return;
  }
  let v = sample_of(o.row, p.height, p.out_height);
  let h = sample_of(o.column, p.width, p.out_width);
  let low = line(o.image, v.low);
  let high = line(o.image, v.high);
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    let a = f32(x[(low + h.low) * p.channels + channel]);
    let b = f32(x[(low + h.high) * p.channels + channel]);
    let c = f32(x[(high + h.low) * p.channels + channel]);
    let d = f32(x[(high + h.high) * p.channels + channel]);
    let top = (1.0 - h.fraction) * a + h.fraction * b;
    let bottom = (1.0 - h.fraction) * c + h.fraction * d;
    y[to + channel] = E((1.0 - v.fraction) * top + v.fraction * bottom);
  }
}
