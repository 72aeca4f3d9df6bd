// y[n,oy,ox,k] = f(bias[k] + Σ_{u,v,c} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] w[u,v,c,k]); one group, any c, k divisible by 4:
// for images of one or three channels. A matrix product of positions × (u,v,c) with (u,v,c) × filters, a tile of 4·LANES × 4·QUADS for
// each subgroup. Without dilation the taps and channels (v,c) of one row lie side by side in x and in w: one run.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> w: array<vec4<E>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<E>>;
@group(0) @binding(4) var<uniform> p: Params;

const FOUR = vec4u(0u, 1u, 2u, 3u);
var<private> first_col: u32;
// Elements left in the run; beyond them the last row of w repeats, and x counts as 0.
var<private> left: u32;

fn load_b(base: u32, i: u32, v: u32) -> vec4f {
  let kq = p.k / 4u;
  return vec4f(w[base + min(i, left - 1u) * kq + min(first_col + v, kq - 1u)]);
}

fn arrange_b(m: mat4x4f) -> mat4x4f { return m; }

// Four neighbours in the image row that starts at `line`.
fn load_x(line: u32, column: u32, inside: bool) -> vec4f {
  let columns = column + FOUR;
  let exists = (columns < vec4u(p.w * p.c)) & (FOUR < vec4u(left)) & vec4<bool>(inside);
  let at = select(vec4u(), line + columns, exists);
  return select(vec4f(), vec4f(vec4(x[at.x], x[at.y], x[at.z], x[at.w])), exists);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let kq = p.k / 4u;
  let col_tiles = (kq + QUADS - 1u) / QUADS;
  let tile = group.x + group.y * groups.x;
  first_col = tile % col_tiles * QUADS;
  let rows = tile / col_tiles * 4u * LANES + lane + FOUR * LANES;
  // Positions beyond the end repeat the last one and are not stored.
  let position = min(rows, vec4u(p.n * p.oh * p.ow - 1u));
  let line = position / p.ow;
  let n = line / p.oh;
  let oy = line - n * p.oh;
  let ox = position - line * p.ow;
  let run = select(p.c, p.kw * p.c, p.dw == 1u);
  let runs = p.kw * p.c / run;
  let steps = (run + 3u) / 4u;
  // One flat loop over the runs and their steps: entering an inner one costs as much as two of these steps.
  var u = 0u;
  var v = 0u;
  var j = 0u;
  for (var i = 0u; i < p.kh * runs * steps; i++) {
    left = run - j;
    let iy = oy * p.sh + u * p.dh - p.ph;
    let inside = iy < vec4u(p.h);
    let lines = (n * p.h + iy) * p.w * p.c;
    let column = (ox * p.sw + v * p.dw - p.pw) * p.c + j;
    let a = mat4x4f(
      load_x(lines.x, column.x, inside.x),
      load_x(lines.y, column.y, inside.y),
      load_x(lines.z, column.z, inside.z),
      load_x(lines.w, column.w, inside.w),
    );
    accumulate(a, ((u * p.kw + v) * p.c + j) * kq, lane);
    j += 4u;
    if (j >= run) {
      j = 0u;
      v += 1u;
    }
    if (v == runs) {
      v = 0u;
      u += 1u;
    }
  }
  for (var k = first_col; k < min(first_col + QUADS, kq); k++) {
    var b = vec4f();
    if (p.bias == 1u) {
      b = bias[k];
    }
    var r = 0u;
    for (var row = rows.x; row < min(rows.x + 4u * LANES, p.n * p.oh * p.ow); row += LANES) {
      y[row * kq + k] = vec4<E>(activated(sum_of(r, k - first_col) + b));
      r += 1u;
    }
  }
}
