// dx[n,iy,ix,c] = Σ_{u,v,k} dy[n,oy,ox,k] w[u,v,c,k] over the taps with oy·sh + u·dh - ph = iy (likewise x); channels and filters of
// a group divisible by 4. For each residue of (iy, ix) modulo the stride a matrix product of positions × (u,v,k) with (u,v,k) × channels
// over the taps that exist, in workgroup-memory tiles of 8T × 8T.
@group(0) @binding(0) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<E>>;
@group(0) @binding(3) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> group: u32;
var<private> phase: u32;
var<private> tu: Taps;
var<private> tv: Taps;

fn load_dy(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(dy[at]), inside);
}

fn load_a(row: u32, inner: u32) -> mat4x4f {
  let kg = p.k / p.groups;
  let tap = inner / kg;
  let u = tap / tv.count;
  // Positions beyond the end repeat the last one and are not stored.
  let at = position_of(row + FOUR, phase);
  let oy = output_at(at.y, tu.first, p.sh, p.ph, p.dh) - u * tu.hop;
  let ox = output_at(at.x, tv.first, p.sw, p.pw, p.dw) - (tap - u * tv.count) * tv.hop;
  let inside = (oy < vec4u(p.oh)) & (ox < vec4u(p.ow));
  let start = select(vec4u(), (((at.n * p.oh + oy) * p.ow + ox) * p.k + group * kg + inner - tap * kg) / 4u, inside);
  return mat4x4f(
    load_dy(start.x, inside.x),
    load_dy(start.y, inside.y),
    load_dy(start.z, inside.z),
    load_dy(start.w, inside.w),
  );
}

fn load_b(inner: u32, col: u32) -> mat4x4f {
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let tap = inner / kg;
  let u = tu.first + tap / tv.count * tu.step;
  let v = tv.first + tap % tv.count * tv.step;
  // Channels beyond the end repeat the last ones and are not stored.
  let c = min(col, cg - 4u) + FOUR;
  let at = (((u * p.kw + v) * cg + c) * p.k + group * kg + inner - tap * kg) / 4u;
  return transpose(mat4x4f(vec4f(w[at.x]), vec4f(w[at.y]), vec4f(w[at.z]), vec4f(w[at.w])));
}

fn store(row: u32, col: u32, sums: mat4x4f) {
  let cg = p.c / p.groups;
  let at = position_of(row + FOUR, phase);
  let to = (((at.n * p.h + at.y) * p.w + at.x) * p.c + group * cg + col) / 4u;
  for (var r = min(col / cg, 1u) * 4u; r < 4u; r++) {
    if (at.exists[r]) {
      dx[to[r]] = vec4<E>(sums[r]);
    }
  }
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let col_tiles = (p.c / p.groups + SIDE - 1u) / SIDE;
  group = tile.z / col_tiles % p.groups;
  let residue = tile.z / col_tiles / p.groups;
  let rows_tu = taps_of(residue / p.sw, p.kh, p.sh, p.ph, p.dh);
  let rows_tv = taps_of(residue % p.sw, p.kw, p.sw, p.pw, p.dw);
  phase = residue;
  tu = rows_tu;
  tv = rows_tv;
  let row0 = (tile.x + tile.y * tiles.x) * SIDE;
  let col0 = tile.z % col_tiles * SIDE;
  let sums = block_product(row0, col0, local.xy, rows_tu.count * rows_tv.count * (p.k / p.groups));
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  store(row, col, sums.m00);
  store(row, col + 4u * T, sums.m01);
  store(row + 4u * T, col, sums.m10);
  store(row + 4u * T, col + 4u * T, sums.m11);
}
