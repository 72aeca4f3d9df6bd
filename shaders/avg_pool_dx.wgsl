// dx = sum of dy over the windows that hold this position, divided by their area.
@group(0) @binding(0) var<storage, read> dy: array<E>;
@group(0) @binding(1) var<storage, read_write> dx: array<E>;
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
  let o = pixel_of(i, p.height, p.width, p.channels);
  let ys = windows_over(o.row, p.out_height, p.kernel_y, p.stride_y, p.padding_y);
  let xs = windows_over(o.column, p.out_width, p.kernel_x, p.stride_x, p.padding_x);
  let to = ((o.image * p.height + o.row) * p.width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var sum = 0.0;
    for (var row = ys.x; row < ys.y; row++) {
      for (var column = xs.x; column < xs.y; column++) {
        sum += f32(dy[((o.image * p.out_height + row) * p.out_width + column) * p.channels + channel]);
      }
    }
    dx[to + channel] = E(sum / f32(p.kernel_y * p.kernel_x));
  }
}
