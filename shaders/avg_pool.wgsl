// y = mean of each window of x[image, height, width, channels], padding counted as zeros.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read_write> y: array<E>;
struct Params {
  n: u32,
  height: u32, width: u32, channels: u32, out_height: u32, out_width: u32,
  kernel_y: u32, kernel_x: u32, stride_y: u32, stride_x: u32, padding_y: u32, padding_x: u32,
}
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let o = pixel_of(i, p.out_height, p.out_width, p.channels);
  let ys = taps_inside(o.row, p.height, p.kernel_y, p.stride_y, p.padding_y);
  let xs = taps_inside(o.column, p.width, p.kernel_x, p.stride_x, p.padding_x);
  let to = ((o.image * p.out_height + o.row) * p.out_width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var sum = 0.0;
    for (var ky = ys.x; ky < ys.y; ky++) {
      let row = o.row * p.stride_y + ky - p.padding_y;
      for (var kx = xs.x; kx < xs.y; kx++) {
        let column = o.column * p.stride_x + kx - p.padding_x;
        sum += f32(x[((o.image * p.height + row) * p.width + column) * p.channels + channel]);
      }
    }
    y[to + channel] = E(sum / f32(p.kernel_y * p.kernel_x));
  }
}
