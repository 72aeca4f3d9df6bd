// dx[n,iy,ix,c] = Σ_{u,v,k} dy[n,oy,ox,k] w[u,v,c,k] over the taps with oy·sh + u·dh - ph = iy (likewise x); any channels and groups.
// For each residue of (iy, ix) modulo the stride a matrix product of positions × (u,v,k) with (u,v,k) × channels over the
// taps that exist, in workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

var<private> group: u32;
var<private> residue: vec2u;
var<private> tu: Taps;
var<private> tv: Taps;

// Rows of the product: positions of one residue, as many for every residue.
fn columns() -> u32 { return (p.w + p.sw - 1u) / p.sw; }
fn lines() -> u32 { return (p.h + p.sh - 1u) / p.sh; }

fn a_runs_inner() -> bool { return true; }
fn b_runs_inner() -> bool { return true; }

fn load_a(row: u32, inner: u32) -> vec4f {
  let kg = p.k / p.groups;
  let tap = inner / kg;
  let u = tu.first + tap / tv.count * tu.step;
  let v = tv.first + tap % tv.count * tv.step;
  let k = group * kg + inner % kg;
  var values = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let line = (row + i) / columns();
    let n = line / lines();
    let oy = output_at(line % lines() * p.sh + residue.y, u, p.sh, p.ph, p.dh);
    let ox = output_at((row + i) % columns() * p.sw + residue.x, v, p.sw, p.pw, p.dw);
    if (n < p.n && oy < p.oh && ox < p.ow) {
      values[i] = dy[((n * p.oh + oy) * p.ow + ox) * p.k + k];
    }
  }
  return values;
}

fn load_b(inner: u32, col: u32) -> vec4f {
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let tap = inner / kg;
  let u = tu.first + tap / tv.count * tu.step;
  let v = tv.first + tap % tv.count * tv.step;
  let at = ((u * p.kw + v) * cg + col) * p.k + group * kg + inner % kg;
  var values = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (col + i < cg) {
      values[i] = w[at + i * p.k];
    }
  }
  return values;
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
  let phase = tile.z / col_tiles / p.groups;
  residue = vec2u(phase % p.sw, phase / p.sw);
  tu = taps_of(residue.y, p.kh, p.sh, p.ph, p.dh);
  tv = taps_of(residue.x, p.kw, p.sw, p.pw, p.dw);
  let row0 = (tile.x + tile.y * tiles.x) * 4u * T;
  let col0 = tile.z % col_tiles * 4u * T;
  let phase_taps = taps_of(phase / p.sw, p.kh, p.sh, p.ph, p.dh).count * taps_of(phase % p.sw, p.kw, p.sw, p.pw, p.dw).count;
  let acc = tile_product(row0, col0, local.xy, 0u, phase_taps * (p.k / p.groups));
  for (var i = 0u; i < 4u; i++) {
    let row = row0 + 4u * local.y + i;
    let ix = row % columns() * p.sw + residue.x;
    let line = row / columns();
    let iy = line % lines() * p.sh + residue.y;
    let n = line / lines();
    for (var j = 0u; j < 4u; j++) {
      let c = col0 + 4u * local.x + j;
      if (n < p.n && iy < p.h && ix < p.w && c < cg) {
        dx[((n * p.h + iy) * p.w + ix) * p.c + group * cg + c] = acc[i][j];
      }
    }
  }
}
