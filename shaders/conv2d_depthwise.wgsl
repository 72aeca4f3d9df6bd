// y[n,oy,ox,c] = activation of bias[c] + Σ_{u,v} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c]; every channel its
// own group and filter, c divisible by 4. One thread: 4 positions × 4 channels; channels vary fastest over threads.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<E>>;
@group(0) @binding(4) var<uniform> p: Params;

fn load_x(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(x[at]), inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cq = p.c / 4u;
  let i = thread_id(global, groups);
  let c = i % cq;
  let first = i / cq * 4u;
  let at = walk_from(first);
  var sums: mat4x4f;
  var u = 0u;
  var v = 0u;
  for (var tap = 0u; tap < p.kh * p.kw; tap++) {
    let iy = at.y * p.sh + u * p.dh - p.ph;
    let ix = at.x * p.sw + v * p.dw - p.pw;
    let inside = (at.n < vec4u(p.n)) & (iy < vec4u(p.h)) & (ix < vec4u(p.w));
    let start = select(vec4u(), ((at.n * p.h + iy) * p.w + ix) * cq + c, inside);
    let weights = vec4f(w[tap * cq + c]);
    sums += mat4x4f(
      load_x(start.x, inside.x) * weights,
      load_x(start.y, inside.y) * weights,
      load_x(start.z, inside.z) * weights,
      load_x(start.w, inside.w) * weights,
    );
    v += 1u;
    if (v == p.kw) {
      v = 0u;
      u += 1u;
    }
  }
  var b = vec4f();
  if (p.bias == 1u) {
    b = bias[c];
  }
  store(first, c, sums[0] + b);
  store(first + 1u, c, sums[1] + b);
  store(first + 2u, c, sums[2] + b);
  store(first + 3u, c, sums[3] + b);
}

fn store(position: u32, c: u32, values: vec4f) {
  if (position < p.n * p.oh * p.ow) {
    y[position * (p.c / 4u) + c] = vec4<E>(activated(values));
  }
}
