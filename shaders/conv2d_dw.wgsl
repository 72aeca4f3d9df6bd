// part[j][u,v,c,k] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,k] over the j-th share of the
// output rows (n,oy); any channels and groups. A second kernel adds the parts in order.
// One thread: 4 channels × 4 filters of one group under one tap in registers; filters vary fastest over threads.
@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> dy: array<E>;
@group(0) @binding(2) var<storage, read_write> part: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cg = p.c / p.groups;
  let kg = p.k / p.groups;
  let row_tiles = (cg + 3u) / 4u;
  let col_tiles = (kg + 3u) / 4u;
  var i = thread_id(global, groups);
  let col_tile = i % col_tiles;
  i /= col_tiles;
  let row_tile = i % row_tiles;
  i /= row_tiles;
  let group = i % p.groups;
  i /= p.groups;
  let tap = i % (p.kh * p.kw);
  let j = i / (p.kh * p.kw);
  if (j >= p.parts) {
    return;
  }
  let u = tap / p.kw;
  let v = tap % p.kw;
  // Channels and filters beyond the end repeat the last one and are not stored.
  let four = vec4u(0u, 1u, 2u, 3u);
  let c = group * cg + min(4u * row_tile + four, vec4u(cg - 1u));
  let k = group * kg + min(4u * col_tile + four, vec4u(kg - 1u));
  let lines = p.n * p.oh;
  let share = (lines + p.parts - 1u) / p.parts;
  // Column r: the four filters of channel r.
  var sums: mat4x4f;
  for (var line = j * share; line < min(lines, (j + 1u) * share); line++) {
    let n = line / p.oh;
    let iy = (line - n * p.oh) * p.sh + u * p.dh - p.ph;
    if (iy >= p.h) {
      continue;
    }
    for (var ox = 0u; ox < p.ow; ox++) {
      let ix = ox * p.sw + v * p.dw - p.pw;
      if (ix >= p.w) {
        continue;
      }
      let start = ((n * p.h + iy) * p.w + ix) * p.c + c;
      let at = (line * p.ow + ox) * p.k + k;
      let b = vec4f(vec4(dy[at.x], dy[at.y], dy[at.z], dy[at.w]));
      sums += mat4x4f(f32(x[start.x]) * b, f32(x[start.y]) * b, f32(x[start.z]) * b, f32(x[start.w]) * b);
    }
  }
  let cols = min(4u, kg - 4u * col_tile);
  for (var r = 0u; r < min(4u, cg - 4u * row_tile); r++) {
    let to = ((j * p.kh * p.kw + tap) * cg + 4u * row_tile + r) * p.k + k.x;
    let values = column(sums, r);
    for (var l = 0u; l < cols; l++) {
      part[to + l] = values[l];
    }
  }
}

// sums[r]; matrices indexed at run time live in memory.
fn column(sums: mat4x4f, r: u32) -> vec4f {
  return select(select(sums[0], sums[1], r == 1u), select(sums[2], sums[3], r == 3u), r >= 2u);
}
