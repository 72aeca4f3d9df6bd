// dx[n,iy,ix,c] = Σ_{u,v,k} dy[n,oy,ox,k] w[u,v,c,k] over the taps with oy·sh + u·dh - ph = iy (likewise x); any channels and groups.
// For each residue of (iy, ix) modulo the stride a matrix product of positions × (u,v,k) with (u,v,k) × channels over the
// taps that exist, in workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> dy: array<E>;
@group(0) @binding(1) var<storage, read> w: array<E>;
@group(0) @binding(2) var<storage, read_write> dx: array<E>;
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> group: u32;
var<private> phase: u32;
var<private> tu: Taps;
var<private> tv: Taps;

fn a_runs_inner() -> bool { return true; }
fn b_runs_inner() -> bool { return true; }

fn load_a(row: u32, inner: u32) -> vec4f {
  let kg = p.k / p.groups;
  let tap = inner / kg;
  let at = position_of(row + FOUR, phase);
  let oy = output_at(at.y, tu.first + tap / tv.count * tu.step, p.sh, p.ph, p.dh);
  let ox = output_at(at.x, tv.first + tap % tv.count * tv.step, p.sw, p.pw, p.dw);
  let inside = (oy < vec4u(p.oh)) & (ox < vec4u(p.ow));
  let start = select(vec4u(), ((at.n * p.oh + oy) * p.ow + ox) * p.k, inside) + group * kg + inner % kg;
  return select(vec4f(), vec4f(vec4(dy[start.x], dy[start.y], dy[start.z], dy[start.w])), inside);
}

fn load_b(inner: u32, col: u32) -> vec4f {
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let tap = inner / kg;
  let u = tu.first + tap / tv.count * tu.step;
  let v = tv.first + tap % tv.count * tv.step;
  // Channels beyond the end repeat the last one and are not stored.
  let c = min(col + FOUR, vec4u(cg - 1u));
  let at = ((u * p.kw + v) * cg + c) * p.k + group * kg + inner % kg;
  return vec4f(vec4(w[at.x], w[at.y], w[at.z], w[at.w]));
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let cg = p.c / p.groups;
  let col_tiles = (cg + 4u * T - 1u) / (4u * T);
  group = tile.z / col_tiles % p.groups;
  let residue = tile.z / col_tiles / p.groups;
  let rows_tu = taps_of(residue / p.sw, p.kh, p.sh, p.ph, p.dh);
  let rows_tv = taps_of(residue % p.sw, p.kw, p.sw, p.pw, p.dw);
  phase = residue;
  tu = rows_tu;
  tv = rows_tv;
  let row = (tile.x + tile.y * tiles.x) * 4u * T;
  let col = tile.z % col_tiles * 4u * T;
  let sums = tile_product(row, col, local.xy, 0u, rows_tu.count * rows_tv.count * (p.k / p.groups));
  let at = position_of(row + 4u * local.y + FOUR, phase);
  let c = col + 4u * local.x;
  let to = ((at.n * p.h + at.y) * p.w + at.x) * p.c + group * cg;
  for (var r = 0u; r < 4u; r++) {
    for (var j = c; at.exists[r] && j < min(c + 4u, cg); j++) {
      dx[to[r] + j] = E(sums[r][j - c]);
    }
  }
}
