// dx = sum of dy over the windows this position has won (max_pool.wgsl), in the order of the windows. `channels` counts Vs.
@group(0) @binding(0) var<storage, read> dy: array<S>;
@group(0) @binding(1) var<storage, read> winner: array<U>;
@group(0) @binding(2) var<storage, read_write> dx: array<S>;
struct Params {
  images: u32,
  height: u32, width: u32, channels: u32, out_height: u32, out_width: u32,
  kernel_y: u32, kernel_x: u32, stride_y: u32, stride_x: u32, padding_y: u32, padding_x: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let o = pixel_of(thread_id(global, groups), p.height, p.width, p.channels);
  if (o.image >= p.images) {
    return;
  }
  let ys = windows_over(o.row, p.out_height, p.kernel_y, p.stride_y, p.padding_y);
  let xs = windows_over(o.column, p.out_width, p.kernel_x, p.stride_x, p.padding_x);
  let to = ((o.image * p.height + o.row) * p.width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var sum = V(0.0);
    for (var row = ys.x; row < ys.y; row++) {
      let ky = o.row + p.padding_y - row * p.stride_y;
      for (var column = xs.x; column < xs.y; column++) {
        let kx = o.column + p.padding_x - column * p.stride_x;
        let at = ((o.image * p.out_height + row) * p.out_width + column) * p.channels + channel;
        sum += select(V(0.0), V(dy[at]), winner[at] == U(ky * p.kernel_x + kx));
      }
    }
    dx[to + channel] = S(sum);
  }
}
