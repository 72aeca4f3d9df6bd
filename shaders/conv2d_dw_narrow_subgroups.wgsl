// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// output rows (n,oy); one group, any c, k divisible by 4: for images of one or three channels. A second kernel adds the parts.
// A matrix product of (u,v,c) × positions with positions × filters, a tile of 4·LANES × 4·QUADS for each subgroup: a lane owns four
// neighbours among (u,v,c).
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> first_col: u32;
// Positions left in the row; beyond them the last one repeats, and x counts as 0.
var<private> left: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let kq = p.k / 4u;
  return dy[base + min(i, left - 1u) * kq + min(first_col + v, kq - 1u)];
}

fn arrange_b(m: mat4x4f) -> mat4x4f { return m; }

// What meets output position ox + i under each of the lane's weights; ix are the columns that meet ox.
fn load_x(line: vec4u, c: vec4u, iy: vec4u, ix: vec4u, i: u32) -> vec4f {
  let column = ix + i * p.sw;
  let inside = (iy < vec4u(p.h)) & (column < vec4u(p.w)) & vec4<bool>(i < left);
  let at = select(vec4u(), (line + column) * p.c + c, inside);
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let kq = p.k / 4u;
  let col_tiles = (kq + QUADS - 1u) / QUADS;
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let j = tile / col_tiles % p.parts;
  let weights = p.kh * p.kw * p.c;
  let row = 4u * (tile / col_tiles / p.parts * LANES + lane);
  let weight = min(row + FOUR, vec4u(weights - 1u));
  let tap = weight / p.c;
  let c = weight - tap * p.c;
  let u = tap / p.kw * p.dh - p.ph;
  let v = tap % p.kw * p.dw - p.pw;
  let lines = p.n * p.oh;
  let share = (lines + p.parts - 1u) / p.parts;
  let begin = j * share;
  var n = begin / p.oh;
  var oy = begin % p.oh;
  var ox = 0u;
  // One flat loop: entering an inner one costs as much as two of these steps.
  let steps = (p.ow + 3u) / 4u;
  for (var s = begin * steps; s < min(lines, begin + share) * steps; s++) {
    left = p.ow - ox;
    let iy = oy * p.sh + u;
    let line = (n * p.h + iy) * p.w;
    let a = mat4x4f(
      load_x(line, c, iy, ox * p.sw + v, 0u),
      load_x(line, c, iy, ox * p.sw + v, 1u),
      load_x(line, c, iy, ox * p.sw + v, 2u),
      load_x(line, c, iy, ox * p.sw + v, 3u),
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
  // Weights beyond the end are not stored.
  let to = (j * weights + row) * kq;
  let end = (j * weights + min(row + 4u, weights)) * kq;
  for (var f = first_col; f < min(first_col + QUADS, kq); f++) {
    var r = 0u;
    for (var at = to; at < end; at += kq) {
      part[at + f] = sum_of(r, f - first_col);
      r += 1u;
    }
  }
}
