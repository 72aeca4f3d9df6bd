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
