// y[n,oy,ox,k] = bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]; any channels and groups.
// A matrix product of positions × (u,v,c) with (u,v,c) × filters, in workgroup-memory tiles of 4T × 4T.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

var<private> group: u32;

fn a_runs_inner() -> bool { return true; }
fn b_runs_inner() -> bool { return false; }

fn load_a(row: u32, inner: u32) -> vec4f {
  let cg = p.c / p.groups;
  let tap = inner / cg;
  let u = tap / p.kw;
  let v = tap % p.kw;
  let c = group * cg + inner % cg;
  var values = vec4f();
  for (var i = 0u; i < 4u; i++) {
    let line = (row + i) / p.ow;
    let n = line / p.oh;
    let iy = input_at(line % p.oh, u, p.sh, p.ph, p.dh);
    let ix = input_at((row + i) % p.ow, v, p.sw, p.pw, p.dw);
    if (n < p.n && iy < p.h && ix < p.w) {
      values[i] = x[((n * p.h + iy) * p.w + ix) * p.c + c];
    }
  }
  return values;
}

fn load_b(inner: u32, col: u32) -> vec4f {
  let kg = p.k / p.groups;
  let at = inner * p.k + group * kg + col;
  var values = vec4f();
  for (var i = 0u; i < 4u; i++) {
    if (col + i < kg) {
      values[i] = w[at + i];
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
  group = tile.z / col_tiles;
  let row0 = (tile.x + tile.y * tiles.x) * 4u * T;
  let col0 = tile.z % col_tiles * 4u * T;
  let acc = tile_product(row0, col0, local.xy, 0u, p.kh * p.kw * (p.c / p.groups));
  let row = row0 + 4u * local.y;
  let col = col0 + 4u * local.x;
  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      if (row + i < p.n * p.oh * p.ow && col + j < kg) {
        let k = group * kg + col + j;
        var value = acc[i][j];
        if (p.bias == 1u) {
          value += bias[k];
        }
        y[(row + i) * p.k + k] = value;
      }
    }
  }
}
