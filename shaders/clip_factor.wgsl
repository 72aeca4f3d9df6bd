// factor[0] = scale (over loss_scale[0] if SCALED) * min(1, max_norm / (norm[0] + 1e-6)); 0 where the norm is NaN or infinite, which tells a step to do nothing.
@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read> loss_scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> factor: array<f32>;
struct Params { max_norm: f32, scale: f32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(1)
fn main() {
  let v = norm[0];
  var scale = p.scale;
  if (SCALED) {
    scale /= loss_scale[0];
  }
  let f = scale * min(1.0, p.max_norm / (v + 1e-6));
  factor[0] = select(f, 0.0, nonfinite(v));
}
