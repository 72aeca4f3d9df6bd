// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// positions (n,oy,ox); any channels and groups. A second kernel adds the parts in order.
// A matrix product of (u,v,c) × positions with positions × filters, in workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> part: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

var<private> group: u32;

fn a_runs_inner() -> bool { return false; }
fn b_runs_inner() -> bool { return false; }

fn load_a(row: u32, position: u32) -> vec4f {
  let cg = p.c / p.groups;
  let ox = position % p.ow;
  let line = position / p.ow;
  let oy = line % p.oh;
  let n = line / p.oh;
  var values = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let tap = (row + i) / cg;
    let iy = input_at(oy, tap / p.kw, p.sh, p.ph, p.dh);
    let ix = input_at(ox, tap % p.kw, p.sw, p.pw, p.dw);
    if (tap < p.kh * p.kw && iy < p.h && ix < p.w) {
      values[i] = x[((n * p.h + iy) * p.w + ix) * p.c + group * cg + (row + i) % cg];
    }
  }
  return values;
}

fn load_b(position: u32, col: u32) -> vec4f {
  let kg = p.k / p.groups;
  let at = position * p.k + group * kg + col;
  var values = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (col + i < kg) {
      values[i] = dy[at + i];
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
    for (var l = 0u; l < 4u; l++) {
      if (row + i < rows && col + l < kg) {
        part[(j * rows + row + i) * p.k + group * kg + col + l] = acc[i][l];
      }
    }
  }
}
