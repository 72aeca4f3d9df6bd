// dx = sum of dy over the bins that this pixel overlaps (adaptive_avg_pool.wgsl), each divided by its area.
@group(0) @binding(0) var<storage, read> dy: array<E>;
@group(0) @binding(1) var<storage, read_write> dx: array<E>;
struct Params { n: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32 }
@group(0) @binding(2) var<uniform> p: Params;

fn extent(bin: u32, bins: u32, pixels: u32) -> f32 {
  let range = overlapping(bin, bins, pixels);
  return f32(range.y - range.x);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let o = pixel_of(i, p.height, p.width, p.channels);
  let ys = overlapping(o.row, p.height, p.out_height);
  let xs = overlapping(o.column, p.width, p.out_width);
  let to = ((o.image * p.height + o.row) * p.width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var sum = 0.0;
    for (var row = ys.x; row < ys.y; row++) {
      let line = (o.image * p.out_height + row) * p.out_width;
      let height = extent(row, p.out_height, p.height);
      for (var column = xs.x; column < xs.y; column++) {
        sum += f32(dy[(line + column) * p.channels + channel]) / (height * extent(column, p.out_width, p.width));
      }
    }
    dx[to + channel] = E(sum);
  }
}
