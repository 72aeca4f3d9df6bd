// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// output rows (n,oy); one group, c and k divisible by 4. A second kernel adds the parts in order.
// A matrix product of (u,v,c) × positions with positions × filters, a tile of 4·LANES × 4·QUADS for each subgroup: a lane owns four
// channels under one tap.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

var<private> first_col: u32;
// Positions left in the row; beyond them the last one repeats, and x counts as 0.
var<private> left: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let kq = p.k / 4u;
  return dy[base + min(i, left - 1u) * kq + min(first_col + v, kq - 1u)];
}

fn arrange_b(m: mat4x4f) -> mat4x4f { return m; }

fn load_x(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), x[at], inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let cq = p.c / 4u;
  let kq = p.k / 4u;
  let col_tiles = (kq + QUADS - 1u) / QUADS;
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let j = tile / col_tiles % p.parts;
  let row = tile / col_tiles / p.parts * LANES + lane;
  let quads = p.kh * p.kw * cq;
  let quad = min(row, quads - 1u);
  let tap = quad / cq;
  let c = quad - tap * cq;
  let u = tap / p.kw;
  let v = tap % p.kw;
  let lines = p.n * p.oh;
  let share = (lines + p.parts - 1u) / p.parts;
  var n = j * share / p.oh;
  var oy = j * share % p.oh;
  var ox = 0u;
  let i = vec4u(0u, 1u, 2u, 3u);
  // One flat loop: entering an inner one costs as much as two of these steps.
  let steps = (p.ow + 3u) / 4u;
  for (var s = j * share * steps; s < min(lines, (j + 1u) * share) * steps; s++) {
    left = p.ow - ox;
    let iy = oy * p.sh + u * p.dh - p.ph;
    let ix = (ox + i) * p.sw + v * p.dw - p.pw;
    let inside = (i < vec4u(left)) & (ix < vec4u(p.w)) & vec4<bool>(iy < p.h);
    let at = select(vec4u(), ((n * p.h + iy) * p.w + ix) * cq + c, inside);
    let a = mat4x4f(
      load_x(at.x, inside.x),
      load_x(at.y, inside.y),
      load_x(at.z, inside.z),
      load_x(at.w, inside.w),
    );
    accumulate(transpose(a), ((n * p.oh + oy) * p.ow + ox) * kq, lane);
    ox += 4u;
    if (ox >= p.ow) {
      ox = 0u;
      oy += 1u;
    }
    if (oy == p.oh) {
      oy = 0u;
      n += 1u;
    }
  }
  // A lane beyond the end stores nothing.
  let to = (j * quads + row) * p.k;
  let end = select(to, to + p.k, row < quads);
  for (var f = first_col; f < min(first_col + QUADS, kq); f++) {
    var r = 0u;
    for (var at = to; at < end; at += kq) {
      part[at + f] = sum_of(r, f - first_col);
      r += 1u;
    }
  }
}
