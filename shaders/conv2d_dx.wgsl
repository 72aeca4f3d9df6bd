// dx[n,iy,ix,c] = Σ_{u,v,k} dy[n,oy,ox,k] w[u,v,c,k] over the taps with oy·sh + u·dh - ph = iy (likewise x); any channels and groups.
// One thread: 4 positions of one residue modulo the stride, which meet the same taps and no inserted zeros, × 4 channels of one
// group in registers; channels vary fastest over threads.
@group(0) @binding(0) var<storage, read> dy: array<E>;
@group(0) @binding(1) var<storage, read> w: array<E>;
@group(0) @binding(2) var<storage, read_write> dx: array<E>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let col_tiles = (cg + 3u) / 4u;
  let i = thread_id(global, groups);
  let tile = i % (col_tiles * p.groups);
  let group = tile / col_tiles;
  let phases = p.sh * p.sw;
  let phase = i / (col_tiles * p.groups) % phases;
  let four = vec4u(0u, 1u, 2u, 3u);
  // Positions and channels beyond the end repeat the last one and are not stored.
  let rows = i / (col_tiles * p.groups) / phases * 4u + four;
  let at = position_of(rows, phase);
  let cols = tile % col_tiles * 4u + four;
  let c = min(cols, vec4u(cg - 1u));
  let k0 = group * kg;
  let tu = taps_of(phase / p.sw, p.kh, p.sh, p.ph, p.dh);
  let tv = taps_of(phase % p.sw, p.kw, p.sw, p.pw, p.dw);
  let first_y = output_at(at.y, tu.first, p.sh, p.ph, p.dh);
  let first_x = output_at(at.x, tv.first, p.sw, p.pw, p.dw);
  // Column r: the four channels at position r.
  var sums: mat4x4f;
  for (var j = 0u; j < tu.count; j++) {
    let u = tu.first + j * tu.step;
    let oy = first_y - j * tu.hop;
    for (var l = 0u; l < tv.count; l++) {
      let v = tv.first + l * tv.step;
      let ox = first_x - l * tv.hop;
      let inside = (oy < vec4u(p.oh)) & (ox < vec4u(p.ow));
      let start = select(vec4u(), ((at.n * p.oh + oy) * p.ow + ox) * p.k + k0, inside);
      let tap = ((u * p.kw + v) * cg + c) * p.k + k0;
      for (var k = 0u; k < kg; k++) {
        let weights = vec4f(vec4(w[tap.x + k], w[tap.y + k], w[tap.z + k], w[tap.w + k]));
        let values = vec4f(vec4(dy[start.x + k], dy[start.y + k], dy[start.z + k], dy[start.w + k]));
        let a = select(vec4f(), values, inside);
        sums += mat4x4f(a.x * weights, a.y * weights, a.z * weights, a.w * weights);
      }
    }
  }
  let stored = select(vec4u(), vec4u(min(4u, cg - cols.x)), at.exists);
  let to = ((at.n * p.h + at.y) * p.w + at.x) * p.c + group * cg + cols.x;
  store(to.x, stored.x, sums[0]);
  store(to.y, stored.y, sums[1]);
  store(to.z, stored.z, sums[2]);
  store(to.w, stored.w, sums[3]);
}

fn store(at: u32, count: u32, values: vec4f) {
  for (var j = 0u; j < count; j++) {
    dx[at + j] = E(values[j]);
  }
}
