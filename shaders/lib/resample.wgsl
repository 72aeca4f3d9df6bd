// Resizing along one axis, pixels as squares (align_corners = false). Output i lies at (i + 1/2) * input / output - 1/2,
// held inside the image; multiplied by 2 * output this is an integer, so every position is exact.
struct Sample { low: u32, high: u32, fraction: f32 }

fn position_of(i: u32, input: u32, output: u32) -> i32 {
  return clamp(i32((2u * i + 1u) * input) - i32(output), 0, i32(2u * output * (input - 1u)));
}

// The two pixels output i lies between, and how far towards the higher one.
fn sample_of(i: u32, input: u32, output: u32) -> Sample {
  let at = u32(position_of(i, input, output));
  let low = at / (2u * output);
  return Sample(low, min(low + 1u, input - 1u), f32(at - low * 2u * output) / f32(2u * output));
}
