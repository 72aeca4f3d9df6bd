// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// positions (n,oy,ox); one group, any c, k divisible by 4: for images of one or three channels. A second kernel adds the parts.
// A matrix product of (u,v,c) × positions with positions × filters, a tile of 4·LANES × 4·QUADS for each subgroup: a lane owns four
// neighbours among (u,v,c).
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
// Four weights: offsets under their taps, and channels.
struct Weights { u: vec4u, v: vec4u, c: vec4u }

var<private> first_col: u32;
// Positions left in the share; beyond them the last one repeats, and x counts as 0.
var<private> left: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let kq = p.k / 4u;
  return vec4f(dy[base + min(i, left - 1u) * kq + min(first_col + v, kq - 1u)]);
}

fn arrange_b(m: mat4x4f) -> mat4x4f { return m; }

// What the lane's four weights meet at one position of the output, the top left corner of whose window is (n, y, x).
fn load_x(n: u32, y: u32, x0: u32, weight: Weights, exists: bool) -> vec4f {
  let iy = y + weight.u;
  let ix = x0 + weight.v;
  let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w)) & vec4<bool>(exists);
  let at = select(vec4u(), ((n * p.h + iy) * p.w + ix) * p.c + weight.c, inside);
  return select(vec4f(), vec4f(vec4(x[at.x], x[at.y], x[at.z], x[at.w])), inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let kq = p.k / 4u;
  let weights = p.kh * p.kw * p.c;
  let col_tiles = (kq + QUADS - 1u) / QUADS;
  let row_tiles = (weights + 4u * LANES - 1u) / (4u * LANES);
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let row = 4u * (tile / col_tiles % row_tiles * LANES + lane);
  // Shares vary slowest, so that the tiles that read one share run together.
  let j = tile / col_tiles / row_tiles;
  let weight = min(row + FOUR, vec4u(weights - 1u));
  let tap = weight / p.c;
  let own = Weights(tap / p.kw * p.dh - p.ph, tap % p.kw * p.dw - p.pw, weight - tap * p.c);
  let begin = j * share_of_positions();
  let end = min(begin + share_of_positions(), p.n * p.oh * p.ow);
  let by = four_positions();
  var at = walk_from(begin);
  for (var position = begin; position < end; position += 4u) {
    left = end - position;
    let y = at.y * p.sh;
    let x0 = at.x * p.sw;
    let a = mat4x4f(
      load_x(at.n.x, y.x, x0.x, own, true),
      load_x(at.n.y, y.y, x0.y, own, left > 1u),
      load_x(at.n.z, y.z, x0.z, own, left > 2u),
      load_x(at.n.w, y.w, x0.w, own, left > 3u),
    );
    accumulate(transpose(a), position * kq, lane);
    at = walk_on(at, by);
  }
  // Weights beyond the end are not stored.
  let to = (j * weights + row) * kq;
  let stop = (j * weights + min(row + 4u, weights)) * kq;
  for (var f = first_col; f < min(first_col + QUADS, kq); f++) {
    var r = 0u;
    for (var to_weight = to; to_weight < stop; to_weight += kq) {
      part[to_weight + f] = sum_of(r, f - first_col);
      r += 1u;
    }
  }
}
