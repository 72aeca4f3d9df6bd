// part[j][u,v,c] = Σ_{n,oy,ox} x[n, oy·sh + u·dh - ph, ox·sw + v·dw - pw, c] dy[n,oy,ox,c] over the j-th share of the positions
// (n,oy,ox); every channel its own group and filter, c divisible by 4. A second kernel adds the parts in order.
// One thread: 4 taps × 4 channels; channels vary fastest over threads.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<E>>;
@group(0) @binding(2) var<storage, read_write> part: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

fn load_x(at: u32, inside: bool) -> vec4f {
  return select(vec4f(), vec4f(x[at]), inside);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cq = p.c / 4u;
  let taps = p.kh * p.kw;
  let i = thread_id(global, groups);
  let c = i % cq;
  let first = i / cq % ((taps + 3u) / 4u) * 4u;
  let j = i / cq / ((taps + 3u) / 4u);
  // Taps beyond the end repeat the last one and are not stored.
  let tap = min(first + vec4u(0u, 1u, 2u, 3u), vec4u(taps - 1u));
  let u = tap / p.kw * p.dh - p.ph;
  let v = tap % p.kw * p.dw - p.pw;
  let begin = j * share_of_positions();
  let end = min(begin + share_of_positions(), p.n * p.oh * p.ow);
  var n = begin / p.ow / p.oh;
  var oy = begin / p.ow % p.oh;
  var ox = begin % p.ow;
  // Column r: the four channels under tap first + r.
  var sums: mat4x4f;
  for (var position = begin; position < end; position++) {
    let iy = oy * p.sh + u;
    let ix = ox * p.sw + v;
    let inside = (iy < vec4u(p.h)) & (ix < vec4u(p.w));
    let start = select(vec4u(), ((n * p.h + iy) * p.w + ix) * cq + c, inside);
    let gradient = vec4f(dy[position * cq + c]);
    sums += mat4x4f(
      load_x(start.x, inside.x) * gradient,
      load_x(start.y, inside.y) * gradient,
      load_x(start.z, inside.z) * gradient,
      load_x(start.w, inside.w) * gradient,
    );
    ox += 1u;
    if (ox == p.ow) {
      ox = 0u;
      oy += 1u;
    }
    if (oy == p.oh) {
      oy = 0u;
      n += 1u;
    }
  }
  let stored = select(0u, min(4u, taps - first), j < p.parts);
  store(stored > 0u, (j * taps + first) * cq + c, sums[0]);
  store(stored > 1u, (j * taps + first + 1u) * cq + c, sums[1]);
  store(stored > 2u, (j * taps + first + 2u) * cq + c, sums[2]);
  store(stored > 3u, (j * taps + first + 3u) * cq + c, sums[3]);
}

fn store(wanted: bool, at: u32, values: vec4f) {
  if (wanted) {
    part[at] = values;
  }
}
