// dx[n,iy,ix,c] = Σ_{u,v,k} dy[n,oy,ox,k] w[u,v,c,k] over the taps with oy·sh + u·dh - ph = iy (likewise x); any channels and groups.
// One thread: one input channel at one position. Positions of one residue modulo the stride are neighbours, so that
// neighbouring threads visit the same taps and none is spent on zeros.
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  let columns = (p.w + p.sw - 1u) / p.sw;
  let c = i % p.c;
  var t = i / p.c;
  let column = t % columns;
  t = t / columns;
  let px = t % p.sw;
  t = t / p.sw;
  let iy = t % p.h;
  let n = t / p.h;
  let ix = column * p.sw + px;
  if (n >= p.n || ix >= p.w) {
    return;
  }
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let k0 = c / cg * kg;
  let tu = taps_of(iy % p.sh, p.kh, p.sh, p.ph, p.dh);
  let tv = taps_of(px, p.kw, p.sw, p.pw, p.dw);
  var acc = 0.0;
  for (var j = 0u; j < tu.count; j++) {
    let u = tu.first + j * tu.step;
    let oy = output_at(iy, u, p.sh, p.ph, p.dh);
    if (oy >= p.oh) {
      continue;
    }
    for (var l = 0u; l < tv.count; l++) {
      let v = tv.first + l * tv.step;
      let ox = output_at(ix, v, p.sw, p.pw, p.dw);
      if (ox >= p.ow) {
        continue;
      }
      let at = ((n * p.oh + oy) * p.ow + ox) * p.k + k0;
      let tap = ((u * p.kw + v) * cg + c % cg) * p.k + k0;
      for (var k = 0u; k < kg; k++) {
        acc += dy[at + k] * w[tap + k];
      }
    }
  }
  dx[((n * p.h + iy) * p.w + ix) * p.c + c] = acc;
}
