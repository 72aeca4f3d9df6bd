// Which outputs of a resize (resample.wgsl) read a pixel, and with what weight.

// The weight of pixel `at` in output i.
fn weight_of(at: u32, i: u32, input: u32, output: u32) -> f32 {
  let distance = abs(position_of(i, input, output) - i32(2u * output * at));
  return f32(max(i32(2u * output) - distance, 0)) / f32(2u * output);
}

// The outputs [first, end) that lie less than one pixel from `at`.
fn readers_of(at: u32, input: u32, output: u32) -> vec2u {
  let first = select(0, i32(output * (2u * at - 1u)) - i32(input), at > 0u);
  let end = i32(output * (2u * at + 3u)) - i32(input);
  return vec2u(ceil_half(first, input), min(ceil_half(end, input), output));
}

// a / (2 * input), rounded up, at least 0.
fn ceil_half(a: i32, input: u32) -> u32 {
  return (u32(select(a, 0, a < 0)) + 2u * input - 1u) / (2u * input);
}

// The outputs [first, end) whose nearest pixel, floor(i * input / output), is `at`.
fn nearest_readers_of(at: u32, input: u32, output: u32) -> vec2u {
  return (vec2u(at, at + 1u) * output + input - 1u) / input;
}
