// y[n,oy,ox,k] = bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]; any channels and groups.
// One thread: one filter at 4 neighbouring positions of a row, in registers; filters vary fastest over threads.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  let k = i % p.k;
  let strips = (p.ow + 3u) / 4u;
  var t = i / p.k;
  let ox = 4u * (t % strips);
  t = t / strips;
  let oy = t % p.oh;
  let n = t / p.oh;
  if (n >= p.n) {
    return;
  }
  let cg = p.c / p.groups;
  let c0 = k / (p.k / p.groups) * cg;
  var acc = vec4f();
  if (p.bias == 1u) {
    acc = vec4f(bias[k]);
  }
  for (var u = 0u; u < p.kh; u++) {
    let iy = input_at(oy, u, p.sh, p.ph, p.dh);
    if (iy >= p.h) {
      continue;
    }
    for (var v = 0u; v < p.kw; v++) {
      let ix = input_at(ox, v, p.sw, p.pw, p.dw) + vec4u(0u, p.sw, 2u * p.sw, 3u * p.sw);
      let inside = ix < vec4u(p.w);
      let at = ((n * p.h + iy) * p.w + select(vec4u(), ix, inside)) * p.c + c0;
      let tap = (u * p.kw + v) * cg * p.k + k;
      for (var c = 0u; c < cg; c++) {
        let values = vec4f(x[at.x + c], x[at.y + c], x[at.z + c], x[at.w + c]);
        acc += w[tap + c * p.k] * select(vec4f(), values, inside);
      }
    }
  }
  let o = ((n * p.oh + oy) * p.ow + ox) * p.k + k;
  for (var j = 0u; j < min(4u, p.ow - ox); j++) {
    y[o + j * p.k] = acc[j];
  }
}
