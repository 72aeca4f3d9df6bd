// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// positions (n,oy,ox); channels and filters of a group divisible by 4. A second kernel adds the parts in order.
// A matrix product of (u,v,c) × positions with positions × filters, a tile of 4·LANES × 4·QUADS for each subgroup: a lane owns four
// channels under one tap.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

var<private> first_col: u32;
// Positions left in the share; beyond them the last one repeats, and x counts as 0.
var<private> left: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  return vec4f(dy[base + min(i, left - 1u) * (p.k / 4u) + min(first_col + v, p.k / p.groups / 4u - 1u)]);
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
  let cols = kq / p.groups;
  let quads = p.kh * p.kw * (cq / p.groups);
  let col_tiles = (cols + QUADS - 1u) / QUADS;
  let row_tiles = (quads + LANES - 1u) / LANES;
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let row = tile / col_tiles % row_tiles * LANES + lane;
  // Shares vary slowest, so that the tiles that read one share run together.
  let share = tile / col_tiles / row_tiles;
  let j = share / p.groups;
  let g = share % p.groups;
  let quad = min(row, quads - 1u);
  let tap = quad / (cq / p.groups);
  let c = g * (cq / p.groups) + quad - tap * (cq / p.groups);
  let u = tap / p.kw * p.dh - p.ph;
  let v = tap % p.kw * p.dw - p.pw;
  let begin = j * share_of_positions();
  let end = min(begin + share_of_positions(), p.n * p.oh * p.ow);
  let by = four_positions();
  var at = walk_from(begin);
  for (var position = begin; position < end; position += 4u) {
    left = end - position;
    let iy = at.y * p.sh + u;
    let ix = at.x * p.sw + v;
    let inside = (vec4u(0u, 1u, 2u, 3u) < vec4u(left)) & (iy < vec4u(p.h)) & (ix < vec4u(p.w));
    let start = select(vec4u(), ((at.n * p.h + iy) * p.w + ix) * cq + c, inside);
    let a = mat4x4f(
      load_x(start.x, inside.x),
      load_x(start.y, inside.y),
      load_x(start.z, inside.z),
      load_x(start.w, inside.w),
    );
    accumulate(transpose(a), position * kq + g * cols, lane);
    at = walk_on(at, by);
  }
  // A lane beyond the end stores nothing.
  let to = (j * quads + row) * p.k + g * cols;
  let stop = select(to, to + p.k, row < quads);
  for (var f = first_col; f < min(first_col + QUADS, cols); f++) {
    var r = 0u;
    for (var weight = to; weight < stop; weight += kq) {
      part[weight + f] = sum_of(r, f - first_col);
      r += 1u;
    }
  }
}
