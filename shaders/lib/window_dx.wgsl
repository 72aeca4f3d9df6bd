// Which outputs of a sliding window hold an input; ranges are [first, end).

// Along one axis, those of input `at`.
fn windows_over(at: u32, outputs: u32, kernel: u32, stride: u32, padding: u32) -> vec2u {
  let reach = at + padding;
  let first = select(0u, (reach - kernel) / stride + 1u, reach >= kernel);
  return vec2u(first, min(reach / stride + 1u, outputs));
}
