// Comparisons cannot be trusted with NaN in shaders (v != v is false, max(NaN, 0) is 0 on real adapters); bits can.

fn is_nan(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
}

// Whether v is NaN or infinite.
fn nonfinite(v: f32) -> bool {
  return (bitcast<u32>(v) & 0x7fffffffu) >= 0x7f800000u;
}
