// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the positions
// (n,oy,ox); channels and filters of a group divisible by 4. A second kernel adds the parts in order.
// A matrix product of (u,v,c) × positions with positions × filters, in workgroup-memory tiles of 8T × 8T.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> group: u32;
var<private> begin: u32;

fn load_x(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(x[at]), inside);
}

fn load_a(row: u32, inner: u32) -> mat4x4f {
  let cg = p.c / p.groups;
  // Weights beyond the end repeat the last ones and are not stored.
  let weight = min(row, p.kh * p.kw * cg - 4u);
  let tap = weight / cg;
  let at = walk_from(begin + inner);
  let iy = at.y * p.sh + tap / p.kw * p.dh - p.ph;
  let ix = at.x * p.sw + tap % p.kw * p.dw - p.pw;
  let inside = (at.n < vec4u(p.n)) & (iy < vec4u(p.h)) & (ix < vec4u(p.w));
  let start = select(vec4u(), (((at.n * p.h + iy) * p.w + ix) * p.c + group * cg + weight - tap * cg) / 4u, inside);
  return transpose(mat4x4f(
    load_x(start.x, inside.x),
    load_x(start.y, inside.y),
    load_x(start.z, inside.z),
    load_x(start.w, inside.w),
  ));
}

fn load_b(inner: u32, col: u32) -> mat4x4f {
  let kg = p.k / p.groups;
  // Positions and filters beyond the end repeat the last ones: x counts as 0 there, and filters are not stored.
  let position = min(begin + inner + FOUR, vec4u(p.n * p.oh * p.ow - 1u));
  let at = (position * p.k + group * kg + min(col, kg - 4u)) / 4u;
  return mat4x4f(vec4f(dy[at.x]), vec4f(dy[at.y]), vec4f(dy[at.z]), vec4f(dy[at.w]));
}

fn store(row: u32, col: u32, j: u32, sums: mat4x4f) {
  let kg = p.k / p.groups;
  let rows = p.kh * p.kw * (p.c / p.groups);
  var r = 0u;
  for (var i = row; i < min(row + 4u, rows) && col < kg; i++) {
    part[((j * rows + i) * p.k + group * kg + col) / 4u] = sums[r];
    r++;
  }
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let col_tiles = (p.k / p.groups + SIDE - 1u) / SIDE;
  group = tile.z / col_tiles % p.groups;
  let j = tile.z / col_tiles / p.groups;
  let first = j * share_of_positions();
  begin = first;
  let row0 = (tile.x + tile.y * tiles.x) * SIDE;
  let col0 = tile.z % col_tiles * SIDE;
  // Shares at the end may be empty.
  let end = min(first + share_of_positions(), max(first, p.n * p.oh * p.ow)) - first;
  let sums = block_product(row0, col0, local.xy, end);
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  store(row, col, j, sums.m00);
  store(row, col + 4u * T, j, sums.m01);
  store(row + 4u * T, col, j, sums.m10);
  store(row + 4u * T, col + 4u * T, j, sums.m11);
}
