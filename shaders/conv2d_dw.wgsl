// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// output rows (n,oy); any channels and groups. A second kernel adds the parts in order. One thread: one weight of one part.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> part: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  let cg = p.c / p.groups;
  let k = i % p.k;
  var t = i / p.k;
  let c = t % cg;
  t = t / cg;
  let v = t % p.kw;
  t = t / p.kw;
  let u = t % p.kh;
  let j = t / p.kh;
  if (j >= p.parts) {
    return;
  }
  let channel = k / (p.k / p.groups) * cg + c;
  let rows = p.n * p.oh;
  let share = (rows + p.parts - 1u) / p.parts;
  var acc = 0.0;
  for (var row = j * share; row < min(rows, (j + 1u) * share); row++) {
    let iy = input_at(row % p.oh, u, p.sh, p.ph, p.dh);
    if (iy >= p.h) {
      continue;
    }
    let line = (row / p.oh * p.h + iy) * p.w;
    for (var ox = 0u; ox < p.ow; ox++) {
      let ix = input_at(ox, v, p.sw, p.pw, p.dw);
      if (ix < p.w) {
        acc += x[(line + ix) * p.c + channel] * dy[(row * p.ow + ox) * p.k + k];
      }
    }
  }
  part[i] = acc;
}
