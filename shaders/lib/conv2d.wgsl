// Geometry of a convolution: x[n,h,w,c], w[kh,kw,c/groups,k], y[n,oh,ow,k]; under tap (u, v), y at (oy, ox) meets x at
// (oy·sh + u·dh - ph, ox·sw + v·dw - pw). Coordinates before the start wrap to huge numbers, which are outside as well.
struct Params {
  n: u32, h: u32, w: u32, c: u32,
  oh: u32, ow: u32, k: u32,
  kh: u32, kw: u32, sh: u32, sw: u32, ph: u32, pw: u32, dh: u32, dw: u32,
  groups: u32, bias: u32, relu: u32, parts: u32,
}

// Outputs after the activation, if there is one; NaN stays NaN.
fn activated(v: vec4f) -> vec4f {
  return select(v, vec4f(), (v < vec4f()) & vec4<bool>(p.relu == 1u));
}

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

// Four neighbours among the positions (n, y, x) of the output, counted on without divisions.
struct Walk { n: vec4u, y: vec4u, x: vec4u }

fn walk_from(first: u32) -> Walk {
  let line = first / p.ow;
  let n = line / p.oh;
  var at = Walk(vec4u(n), vec4u(line - n * p.oh), first - line * p.ow + vec4u(0u, 1u, 2u, 3u));
  // Once as a rule, and cheaper than dividing four numbers.
  while (any(at.x >= vec4u(p.ow))) {
    at = walk_on(at, vec3u());
  }
  return at;
}

// The next four; `by` is 4 as (n, y, x).
fn walk_on(at: Walk, by: vec3u) -> Walk {
  let x = at.x + by.z;
  let next_line = x >= vec4u(p.ow);
  let y = at.y + by.y + select(vec4u(0u), vec4u(1u), next_line);
  let next_image = y >= vec4u(p.oh);
  return Walk(
    at.n + by.x + select(vec4u(0u), vec4u(1u), next_image),
    y - select(vec4u(0u), vec4u(p.oh), next_image),
    x - select(vec4u(0u), vec4u(p.ow), next_line),
  );
}

fn four_positions() -> vec3u {
  return vec3u(4u / p.ow / p.oh, 4u / p.ow % p.oh, 4u % p.ow);
}

// Positions (n, oy, ox) in each part of a weight gradient, a multiple of four.
fn share_of_positions() -> u32 {
  return (p.n * p.oh * p.ow + 4u * p.parts - 1u) / (4u * p.parts) * 4u;
}
