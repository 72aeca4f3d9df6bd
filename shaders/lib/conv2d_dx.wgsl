// Where the gradient for the input of a convolution (conv2d.wgsl) finds its terms.

// The taps of one axis that meet the inputs of one residue modulo the stride: first, first + step, …; from one to the next,
// the outputs they meet lie `hop` apart.
struct Taps { first: u32, step: u32, count: u32, hop: u32 }

// Tap u meets input i where i + padding - u·dilation is a multiple of the stride: every stride / gcd(stride, dilation) taps.
fn taps_of(residue: u32, kernel: u32, stride: u32, padding: u32, dilation: u32) -> Taps {
  var gcd = stride;
  var rest = dilation;
  while (rest > 0u) {
    let next = gcd % rest;
    gcd = rest;
    rest = next;
  }
  let step = stride / gcd;
  for (var u = 0u; u < min(step, kernel); u++) {
    if ((residue + padding + u * dilation * (stride - 1u)) % stride == 0u) {
      return Taps(u, step, (kernel - u + step - 1u) / step, dilation / gcd);
    }
  }
  return Taps(0u, step, 0u, 0u);
}

// The outputs that meet inputs i under tap u; under the tap that is j steps later they are j hops before.
fn output_at(i: vec4u, u: u32, stride: u32, padding: u32, dilation: u32) -> vec4u {
  return vec4u((vec4i(i + padding) - i32(u * dilation)) / i32(stride));
}

// Four positions of x; exists: false for those beyond the end, which repeat others.
struct Positions { n: vec4u, y: vec4u, x: vec4u, exists: vec4<bool> }

// The rows-th positions of x with one residue of (y, x) modulo the stride; every residue counts as many.
fn position_of(rows: vec4u, phase: u32) -> Positions {
  let columns = (p.w + p.sw - 1u) / p.sw;
  let lines = (p.h + p.sh - 1u) / p.sh;
  let position = min(rows, vec4u(p.n * lines * columns - 1u));
  let line = position / columns;
  let n = line / lines;
  let y = (line - n * lines) * p.sh + phase / p.sw;
  let x = (position - line * columns) * p.sw + phase % p.sw;
  return Positions(n, y, x, (rows == position) & (y < vec4u(p.h)) & (x < vec4u(p.w)));
}
