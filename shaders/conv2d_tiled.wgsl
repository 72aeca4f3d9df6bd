// y[n,oy,ox,k] = f(bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]); any channels and groups.
// A matrix product of positions × (u,v,c) with (u,v,c) × filters, in workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> w: array<E>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<E>;
@group(0) @binding(4) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> group: u32;

fn a_runs_inner() -> bool { return true; }
fn b_runs_inner() -> bool { return false; }

fn load_a(row: u32, inner: u32) -> vec4f {
  let cg = p.c / p.groups;
  let tap = inner / cg;
  // Positions beyond the end repeat the last one and are not stored.
  let position = min(row + FOUR, vec4u(p.n * p.oh * p.ow - 1u));
  let line = position / p.ow;
  let n = line / p.oh;
  let iy = (line - n * p.oh) * p.sh + tap / p.kw * p.dh - p.ph;
  let ix = (position - line * p.ow) * p.sw + tap % p.kw * p.dw - p.pw;
  let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w));
  let at = select(vec4u(), ((n * p.h + iy) * p.w + ix) * p.c, inside) + group * cg + inner % cg;
  return select(vec4f(), vec4f(vec4(x[at.x], x[at.y], x[at.z], x[at.w])), inside);
}

fn load_b(inner: u32, col: u32) -> vec4f {
  let kg = p.k / p.groups;
  // Filters beyond the end repeat the last one and are not stored.
  let at = inner * p.k + group * kg + min(col + FOUR, vec4u(kg - 1u));
  return vec4f(vec4(w[at.x], w[at.y], w[at.z], w[at.w]));
}

@compute @workgroup_size(T, T)
fn main(
  @builtin(workgroup_id) tile: vec3u,
  @builtin(num_workgroups) tiles: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let kg = p.k / p.groups;
  let col_tiles = (kg + 4u * T - 1u) / (4u * T);
  group = tile.z / col_tiles;
  let row0 = (tile.x + tile.y * tiles.x) * 4u * T;
  let col0 = tile.z % col_tiles * 4u * T;
  let acc = tile_product(row0, col0, local.xy, 0u, p.kh * p.kw * (p.c / p.groups));
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  for (var i = 0u; i < 4u; i++) {
    for (var j = col; row + i < p.n * p.oh * p.ow && j < min(col + 4u, kg); j++) {
      let k = group * kg + j;
      var value = acc[i][j - col];
      if (p.bias == 1u) {
        value += bias[k];
      }
      y[(row + i) * p.k + k] = E(activated(vec4f(value)).x);
    }
  }
}
