// y = mean of x[image, height, width, channels] over each of out_height × out_width bins that cover the image; a pixel counts in
// every bin that it overlaps. Source: PyTorch, AdaptiveAvgPool2d.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read_write> y: array<E>;
struct Params { n: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let o = pixel_of(i, p.out_height, p.out_width, p.channels);
  let ys = overlapping(o.row, p.out_height, p.height);
  let xs = overlapping(o.column, p.out_width, p.width);
  let area = f32((ys.y - ys.x) * (xs.y - xs.x));
  let to = ((o.image * p.out_height + o.row) * p.out_width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var sum = 0.0;
    for (var row = ys.x; row < ys.y; row++) {
      let line = (o.image * p.height + row) * p.width;
      for (var column = xs.x; column < xs.y; column++) {
        sum += f32(x[(line + column) * p.channels + channel]);
      }
    }
    y[to + channel] = E(sum / area);
  }
}
