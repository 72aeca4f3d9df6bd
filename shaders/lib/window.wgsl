// Sliding windows along one axis; ranges are [first, end).

// The taps of output `at` that fall inside the input, not on the padding.
fn taps_inside(at: u32, extent: u32, kernel: u32, stride: u32, padding: u32) -> vec2u {
  let start = at * stride;
  return vec2u(select(0u, padding - start, padding > start), min(kernel, extent + padding - start));
}
