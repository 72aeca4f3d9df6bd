// dx[n,iy,ix,c] = Σ_{u,v,k} dy[n,oy,ox,k] w[u,v,c,k] over the taps with oy·sh + u·dh - ph = iy (likewise x); channels and
// filters of a group divisible by 4. For each residue of (iy, ix) modulo the stride a matrix product of positions × (u,v,k) with (u,v,k) × channels
// over the taps that exist, a tile of 4·LANES × 4·QUADS for each subgroup.
@group(0) @binding(0) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<E>>;
@group(0) @binding(3) var<uniform> p: Params;

var<private> first_col: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let c = 4u * min(first_col + v, p.c / p.groups / 4u - 1u) + i;
  return vec4f(w[base + c * (p.k / 4u)]);
}

// The vectors run along the inner axis here.
fn arrange_b(m: mat4x4f) -> mat4x4f { return transpose(m); }

fn load_dy(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(dy[at]), inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let cq = p.c / 4u;
  let kq = p.k / 4u;
  let cols = cq / p.groups;
  let inner = kq / p.groups;
  let col_tiles = (cols + QUADS - 1u) / QUADS;
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let g = tile / col_tiles % p.groups;
  let rest = tile / col_tiles / p.groups;
  let phases = p.sh * p.sw;
  let phase = rest % phases;
  let first_row = rest / phases * 4u * LANES;
  // Positions beyond the end repeat the last one and are not stored.
  let at = position_of(first_row + lane + vec4u(0u, 1u, 2u, 3u) * LANES, phase);
  let tu = taps_of(phase / p.sw, p.kh, p.sh, p.ph, p.dh);
  let tv = taps_of(phase % p.sw, p.kw, p.sw, p.pw, p.dw);
  let first_y = output_at(at.y, tu.first, p.sh, p.ph, p.dh);
  let first_x = output_at(at.x, tv.first, p.sw, p.pw, p.dw);
  // One flat loop over taps and filters: entering an inner one costs as much as two of these steps.
  var j = 0u;
  var l = 0u;
  var k = 0u;
  for (var i = 0u; i < tu.count * tv.count * inner; i++) {
    let oy = first_y - j * tu.hop;
    let ox = first_x - l * tv.hop;
    let inside = (oy < vec4u(p.oh)) & (ox < vec4u(p.ow));
    let start = select(vec4u(), ((at.n * p.oh + oy) * p.ow + ox) * kq + g * inner + k, inside);
    let a = mat4x4f(
      load_dy(start.x, inside.x),
      load_dy(start.y, inside.y),
      load_dy(start.z, inside.z),
      load_dy(start.w, inside.w),
    );
    let tap = (tu.first + j * tu.step) * p.kw + tv.first + l * tv.step;
    accumulate(a, tap * p.c * inner + g * inner + k, lane);
    k += 1u;
    if (k == inner) {
      k = 0u;
      l += 1u;
    }
    if (l == tv.count) {
      l = 0u;
      j += 1u;
    }
  }
  let to = ((at.n * p.h + at.y) * p.w + at.x) * cq + g * cols;
  for (var c = first_col; c < min(first_col + QUADS, cols); c++) {
    var r = 0u;
    for (var row = first_row; row < first_row + 4u * LANES; row += LANES) {
      if (at.exists[r]) {
        dx[to[r] + c] = vec4<E>(sum_of(r, c - first_col));
      }
      r += 1u;
    }
  }
}
