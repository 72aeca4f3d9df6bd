// y = largest value of each window of x[image, height, width, channels], padding never wins; the first of equal values wins,
// NaN wins over all. winner = the winning tap, counted row by row from the window's corner. `channels` counts Vs.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<S>;
@group(0) @binding(2) var<storage, read_write> winner: array<U>;
struct Params {
  images: u32,
  height: u32, width: u32, channels: u32, out_height: u32, out_width: u32,
  kernel_y: u32, kernel_x: u32, stride_y: u32, stride_x: u32, padding_y: u32, padding_x: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

const NONE = 0xffffffffu;
const SIGNLESS = U(0x7fffffffu);
const INFINITE = U(0x7f800000u);

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let o = pixel_of(thread_id(global, groups), p.out_height, p.out_width, p.channels);
  if (o.image >= p.images) {
    return;
  }
  let ys = taps_inside(o.row, p.height, p.kernel_y, p.stride_y, p.padding_y);
  let xs = taps_inside(o.column, p.width, p.kernel_x, p.stride_x, p.padding_x);
  let to = ((o.image * p.out_height + o.row) * p.out_width + o.column) * p.channels;
  for (var channel = o.channel; channel < p.channels; channel += o.step) {
    var best = V(0.0);
    var tap = U(NONE);
    for (var ky = ys.x; ky < ys.y; ky++) {
      let row = o.row * p.stride_y + ky - p.padding_y;
      for (var kx = xs.x; kx < xs.y; kx++) {
        let column = o.column * p.stride_x + kx - p.padding_x;
        let v = V(x[((o.image * p.height + row) * p.width + column) * p.channels + channel]);
        // NaN by its bits: comparisons cannot be trusted with it.
        let nan = (bitcast<U>(v) & SIGNLESS) > INFINITE;
        let beaten = (v > best) & ((bitcast<U>(best) & SIGNLESS) <= INFINITE);
        let wins = (tap == U(NONE)) | nan | beaten;
        best = select(best, v, wins);
        tap = select(tap, U(ky * p.kernel_x + kx), wins);
      }
    }
    y[to + channel] = S(best);
    winner[to + channel] = tap;
  }
}
