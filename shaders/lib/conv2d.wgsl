// Geometry of a convolution: x[n,h,w,c], w[kh,kw,c/groups,k], y[n,oh,ow,k]; y at (oy, ox) meets x at (oy·sh + u·dh - ph, …).
struct Params {
  n: u32, h: u32, w: u32, c: u32,
  oh: u32, ow: u32, k: u32,
  kh: u32, kw: u32, sh: u32, sw: u32, ph: u32, pw: u32, dh: u32, dw: u32,
  groups: u32, bias: u32, parts: u32,
}

// Input row or column under tap u of output o, as a huge number where it falls on padding before the start.
fn input_at(o: u32, u: u32, stride: u32, padding: u32, dilation: u32) -> u32 {
  return o * stride + u * dilation - padding;
}

// Output row or column that meets input i under tap u, as a huge number where there is none before the start;
// only for taps that meet i at all.
fn output_at(i: u32, u: u32, stride: u32, padding: u32, dilation: u32) -> u32 {
  let reach = i + padding;
  return select((reach - u * dilation) / stride, 0xffffffffu, reach < u * dilation);
}

// The taps of one axis that meet the inputs of one residue modulo the stride: first, first + step, …; count of them.
struct Taps { first: u32, step: u32, count: u32 }

fn taps_of(residue: u32, kernel: u32, stride: u32, padding: u32, dilation: u32) -> Taps {
  // Tap u meets input i where (i + padding - u·dilation) is a multiple of the stride: every stride / gcd(stride, dilation) taps.
  var g = stride;
  var r = dilation;
  while (r > 0u) {
    let t = g % r;
    g = r;
    r = t;
  }
  let step = stride / g;
  for (var u = 0u; u < min(step, kernel); u++) {
    if ((residue + padding + u * dilation * (stride - 1u)) % stride == 0u) {
      return Taps(u, step, (kernel - u + step - 1u) / step);
    }
  }
  return Taps(0u, step, 0u);
}
