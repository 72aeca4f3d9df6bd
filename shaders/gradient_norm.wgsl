// norm[0] = scale (over loss_scale[0] if SCALED) times the square root of the sum of all partial sums of squares (square_sum.wgsl); one workgroup, in fixed order.
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> loss_scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> norm: array<f32>;
struct Params { n: u32, scale: f32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < p.n; i += LANES) {
    sum += partial[i];
  }
  let total = lane_sum(lane, sum);
  if (lane == 0u) {
    var scale = p.scale;
    if (SCALED) {
      scale /= loss_scale[0];
    }
    norm[0] = select(scale * sqrt(total), total, nonfinite(total));
  }
}
