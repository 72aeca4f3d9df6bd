// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// positions (n,oy,ox); any channels and groups. A second kernel adds the parts in order.
// A matrix product of (u,v,c) × positions with positions × filters, in workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> dy: array<E>;
@group(0) @binding(2) var<storage, read_write> part: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> group: u32;

fn a_runs_inner() -> bool { return false; }
fn b_runs_inner() -> bool { return false; }

fn load_a(row: u32, position: u32) -> vec4f {
  let cg = p.c / p.groups;
  // Weights beyond the end repeat the last one and are not stored.
  let weight = min(row + FOUR, vec4u(p.kh * p.kw * cg - 1u));
  let tap = weight / cg;
  let line = position / p.ow;
  let n = line / p.oh;
  let iy = (line - n * p.oh) * p.sh + tap / p.kw * p.dh - p.ph;
  let ix = (position - line * p.ow) * p.sw + tap % p.kw * p.dw - p.pw;
  let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w));
  let at = select(vec4u(), ((n * p.h + iy) * p.w + ix) * p.c, inside) + group * cg + weight - tap * cg;
  return select(vec4f(), vec4f(vec4(x[at.x], x[at.y], x[at.z], x[at.w])), inside);
}

fn load_b(position: u32, col: u32) -> vec4f {
  let kg = p.k / p.groups;
  // Filters beyond the end repeat the last one and are not stored.
  let at = position * p.k + group * kg + min(col + FOUR, vec4u(kg - 1u));
  return vec4f(vec4(dy[at.x], dy[at.y], dy[at.z], dy[at.w]));
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let kg = p.k / p.groups;
  let col_tiles = (kg + 4u * T - 1u) / (4u * T);
  group = tile.z / col_tiles % p.groups;
  let j = tile.z / col_tiles / p.groups;
  let row0 = (tile.x + tile.y * tiles.x) * 4u * T;
  let col0 = tile.z % col_tiles * 4u * T;
  let positions = p.n * p.oh * p.ow;
  let share = (positions + p.parts - 1u) / p.parts;
  let acc = tile_product(row0, col0, local.xy, j * share, min(positions, (j + 1u) * share));
  let rows = p.kh * p.kw * (p.c / p.groups);
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  for (var i = 0u; i < 4u; i++) {
    for (var l = col; row + i < rows && l < min(col + 4u, kg); l++) {
      part[(j * rows + row + i) * p.k + group * kg + l] = acc[i][l - col];
    }
  }
}
