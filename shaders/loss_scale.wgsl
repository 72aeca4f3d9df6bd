// The loss scale after a step whose gradient norm is `norm`: half if that is NaN or infinite, twice after `patience` steps
// in a row that were not, between 1 and 2^24. good[0] counts those steps.
@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read_write> scale: array<f32>;
@group(0) @binding(2) var<storage, read_write> good: array<f32>;
struct Params { patience: f32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(1)
fn main() {
  if (nonfinite(norm[0])) {
    scale[0] = max(1.0, 0.5 * scale[0]);
    good[0] = 0.0;
    return;
  }
  let steps = good[0] + 1.0;
  let grows = steps >= p.patience;
  scale[0] = select(scale[0], min(16777216.0, 2.0 * scale[0]), grows);
  good[0] = select(steps, 0.0, grows);
}
