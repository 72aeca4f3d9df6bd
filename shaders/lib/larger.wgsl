// The larger of two numbers where NaN wins: a comparison with NaN is false, so u survives and v must be asked.
// Needs finite.wgsl.
fn larger(u: f32, v: f32) -> f32 {
  return select(u, v, v > u || is_nan(v));
}
