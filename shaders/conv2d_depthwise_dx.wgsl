// dx[n,iy,ix,c] = Σ_{u,v} dy[n,oy,ox,c] w[u,v,c] over the taps with oy·sh + u·dh - ph = iy (likewise x); every channel its own group
// and filter, c divisible by 4. One thread: 4 positions of one residue modulo the stride, which meet the same taps, × 4 channels;
// channels vary fastest over threads.
@group(0) @binding(0) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<E>>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_dy(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(dy[at]), inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cq = p.c / 4u;
  let i = thread_id(global, groups);
  let c = i % cq;
  let phase = i / cq % (p.sh * p.sw);
  // Positions beyond the end repeat the last one and are not stored.
  let at = position_of(i / cq / (p.sh * p.sw) * 4u + vec4u(0u, 1u, 2u, 3u), phase);
  let tu = taps_of(phase / p.sw, p.kh, p.sh, p.ph, p.dh);
  let tv = taps_of(phase % p.sw, p.kw, p.sw, p.pw, p.dw);
  let first_y = output_at(at.y, tu.first, p.sh, p.ph, p.dh);
  let first_x = output_at(at.x, tv.first, p.sw, p.pw, p.dw);
  var sums: mat4x4f;
  var j = 0u;
  var l = 0u;
  for (var tap = 0u; tap < tu.count * tv.count; tap++) {
    let oy = first_y - j * tu.hop;
    let ox = first_x - l * tv.hop;
    let inside = (oy < vec4u(p.oh)) & (ox < vec4u(p.ow));
    let start = select(vec4u(), ((at.n * p.oh + oy) * p.ow + ox) * cq + c, inside);
    let weights = vec4f(w[((tu.first + j * tu.step) * p.kw + tv.first + l * tv.step) * cq + c]);
    sums += mat4x4f(
      load_dy(start.x, inside.x) * weights,
      load_dy(start.y, inside.y) * weights,
      load_dy(start.z, inside.z) * weights,
      load_dy(start.w, inside.w) * weights,
    );
    l += 1u;
    if (l == tv.count) {
      l = 0u;
      j += 1u;
    }
  }
  let to = ((at.n * p.h + at.y) * p.w + at.x) * cq + c;
  store(to.x, at.exists.x, sums[0]);
  store(to.y, at.exists.y, sums[1]);
  store(to.z, at.exists.z, sums[2]);
  store(to.w, at.exists.w, sums[3]);
}

fn store(at: u32, exists: bool, values: vec4f) {
  if (exists) {
    dx[at] = vec4<E>(values);
  }
}
