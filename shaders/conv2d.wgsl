// y[n,oy,ox,k] = f(bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]); any channels and groups.
// One thread: 4 positions × 4 filters of one group in registers; filters vary fastest over threads.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> w: array<E>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<E>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let col_tiles = (kg + 3u) / 4u;
  let i = thread_id(global, groups);
  let tile = i % (col_tiles * p.groups);
  let group = tile / col_tiles;
  let four = vec4u(0u, 1u, 2u, 3u);
  // Positions and filters beyond the end repeat the last one and are not stored.
  let rows = i / (col_tiles * p.groups) * 4u + four;
  let position = min(rows, vec4u(p.n * p.oh * p.ow - 1u));
  let cols = tile % col_tiles * 4u + four;
  let k = group * kg + min(cols, vec4u(kg - 1u));
  let line = position / p.ow;
  let n = line / p.oh;
  let oy = line - n * p.oh;
  let ox = position - line * p.ow;
  // Column r: the four filters at position r.
  var sums: mat4x4f;
  if (p.bias == 1u) {
    let b = vec4f(bias[k.x], bias[k.y], bias[k.z], bias[k.w]);
    sums = mat4x4f(b, b, b, b);
  }
  for (var u = 0u; u < p.kh; u++) {
    let iy = oy * p.sh + u * p.dh - p.ph;
    for (var v = 0u; v < p.kw; v++) {
      let ix = ox * p.sw + v * p.dw - p.pw;
      let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w));
      let start = select(vec4u(), ((n * p.h + iy) * p.w + ix) * p.c + group * cg, inside);
      for (var c = 0u; c < cg; c++) {
        let at = ((u * p.kw + v) * cg + c) * p.k + k;
        let weights = vec4f(vec4(w[at.x], w[at.y], w[at.z], w[at.w]));
        let values = vec4f(vec4(x[start.x + c], x[start.y + c], x[start.z + c], x[start.w + c]));
        let a = select(vec4f(), values, inside);
        sums += mat4x4f(a.x * weights, a.y * weights, a.z * weights, a.w * weights);
      }
    }
  }
  let stored = min(4u, kg - cols.x);
  store(rows.x, k.x, stored, activated(sums[0]));
  store(rows.y, k.x, stored, activated(sums[1]));
  store(rows.z, k.x, stored, activated(sums[2]));
  store(rows.w, k.x, stored, activated(sums[3]));
}

fn store(position: u32, k: u32, count: u32, values: vec4f) {
  if (position >= p.n * p.oh * p.ow) {
    return;
  }
  for (var j = 0u; j < count; j++) {
    y[position * p.k + k + j] = E(values[j]);
  }
}
