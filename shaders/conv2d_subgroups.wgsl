// y[n,oy,ox,k] = f(bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]); channels and filters of
// a group divisible by 4.
// A matrix product of positions × (u,v,c) with (u,v,c) × filters, a tile of 4·LANES × 4·QUADS for each subgroup.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<E>>;
@group(0) @binding(4) var<uniform> p: Params;

var<private> first_col: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let kq = p.k / 4u;
  return vec4f(w[base + i * kq + min(first_col + v, kq / p.groups - 1u)]);
}

fn arrange_b(m: mat4x4f) -> mat4x4f { return m; }

fn load_x(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(x[at]), inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let cq = p.c / 4u;
  let kq = p.k / 4u;
  let inner = cq / p.groups;
  let cols = kq / p.groups;
  let col_tiles = (cols + QUADS - 1u) / QUADS;
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let g = tile / col_tiles % p.groups;
  let rows = tile / col_tiles / p.groups * 4u * LANES + lane + vec4u(0u, 1u, 2u, 3u) * LANES;
  // Positions beyond the end repeat the last one and are not stored.
  let position = min(rows, vec4u(p.n * p.oh * p.ow - 1u));
  let line = position / p.ow;
  let n = line / p.oh;
  let oy = line - n * p.oh;
  let ox = position - line * p.ow;
  // One flat loop over taps and channels: entering an inner one costs as much as two of these steps.
  var u = 0u;
  var v = 0u;
  var c = 0u;
  for (var i = 0u; i < p.kh * p.kw * inner; i++) {
    let iy = oy * p.sh + u * p.dh - p.ph;
    let ix = ox * p.sw + v * p.dw - p.pw;
    let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w));
    let at = select(vec4u(), ((n * p.h + iy) * p.w + ix) * cq + g * inner + c, inside);
    let a = mat4x4f(
      load_x(at.x, inside.x),
      load_x(at.y, inside.y),
      load_x(at.z, inside.z),
      load_x(at.w, inside.w),
    );
    accumulate(a, i * p.k + g * cols, lane);
    c += 1u;
    if (c == inner) {
      c = 0u;
      v += 1u;
    }
    if (v == p.kw) {
      v = 0u;
      u += 1u;
    }
  }
  for (var k = first_col; k < min(first_col + QUADS, cols); k++) {
    var b = vec4f();
    if (p.bias == 1u) {
      b = bias[g * cols + k];
    }
    var r = 0u;
    for (var row = rows.x; row < min(rows.x + 4u * LANES, p.n * p.oh * p.ow); row += LANES) {
      y[row * kq + g * cols + k] = vec4<E>(activated(sum_of(r, k - first_col) + b));
      r += 1u;
    }
  }
}
