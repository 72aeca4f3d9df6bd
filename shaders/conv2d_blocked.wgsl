// y[n,oy,ox,k] = f(bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]); channels and filters of
// a group divisible by 4.
// A matrix product of positions × (u,v,c) with (u,v,c) × filters, in workgroup-memory tiles of 8T × 8T.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<E>>;
@group(0) @binding(4) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> group: u32;

fn load_x(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(x[at]), inside);
}

fn load_a(row: u32, inner: u32) -> mat4x4f {
  let cg = p.c / p.groups;
  let tap = inner / cg;
  // Positions beyond the end repeat the last one and are not stored.
  let position = min(row + FOUR, vec4u(p.n * p.oh * p.ow - 1u));
  let line = position / p.ow;
  let n = line / p.oh;
  let iy = (line - n * p.oh) * p.sh + tap / p.kw * p.dh - p.ph;
  let ix = (position - line * p.ow) * p.sw + tap % p.kw * p.dw - p.pw;
  let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w));
  let at = select(vec4u(), (((n * p.h + iy) * p.w + ix) * p.c + group * cg + inner - tap * cg) / 4u, inside);
  return mat4x4f(load_x(at.x, inside.x), load_x(at.y, inside.y), load_x(at.z, inside.z), load_x(at.w, inside.w));
}

fn load_b(inner: u32, col: u32) -> mat4x4f {
  let kg = p.k / p.groups;
  // Filters beyond the end repeat the last ones and are not stored.
  let at = ((inner + FOUR) * p.k + group * kg + min(col, kg - 4u)) / 4u;
  return mat4x4f(vec4f(w[at.x]), vec4f(w[at.y]), vec4f(w[at.z]), vec4f(w[at.w]));
}

fn store(position: u32, col: u32, sums: mat4x4f) {
  let k = (group * (p.k / p.groups) + col) / 4u;
  var b = vec4f();
  if (p.bias == 1u) {
    b = bias[min(k, p.k / 4u - 1u)];
  }
  store_row(position, col, activated(sums[0] + b));
  store_row(position + 1u, col, activated(sums[1] + b));
  store_row(position + 2u, col, activated(sums[2] + b));
  store_row(position + 3u, col, activated(sums[3] + b));
}

fn store_row(position: u32, col: u32, values: vec4f) {
  let kg = p.k / p.groups;
  if (position < p.n * p.oh * p.ow && col < kg) {
    y[(position * p.k + group * kg + col) / 4u] = vec4<E>(values);
  }
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let col_tiles = (p.k / p.groups + SIDE - 1u) / SIDE;
  group = tile.z / col_tiles;
  let row0 = (tile.x + tile.y * tiles.x) * SIDE;
  let col0 = tile.z % col_tiles * SIDE;
  let sums = block_product(row0, col0, local.xy, p.kh * p.kw * (p.c / p.groups));
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  store(row, col, sums.m00);
  store(row, col + 4u * T, sums.m01);
  store(row + 4u * T, col, sums.m10);
  store(row + 4u * T, col + 4u * T, sums.m11);
}
