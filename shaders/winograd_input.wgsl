// v[i,j][t,c] = (Bᵀ d B)[i,j] of the 4 × 4 inputs d under the t-th 2 × 2 tile of outputs: the first step of Winograd's F(2×2, 3×3).
// Images begin at `first`; c divisible by 4. Source: Lavin & Gray 2016, equation 10.
@group(0) @binding(0) var<storage, read> x: array<vec4<E>>;
@group(0) @binding(1) var<storage, read_write> v: array<vec4f>;
struct Params { first: u32, images: u32, tiles_y: u32, tiles_x: u32, h: u32, w: u32, c: u32, ph: u32, pw: u32 }
@group(0) @binding(2) var<uniform> p: Params;

// One row of the inputs, combined along the row.
fn line(n: u32, y: u32, left: u32, c: u32) -> mat4x4f {
  let columns = left + vec4u(0u, 1u, 2u, 3u);
  let inside = (columns < vec4u(p.w)) & vec4<bool>(y < p.h);
  let at = select(vec4u(), ((n * p.h + y) * p.w + columns) * (p.c / 4u) + c, inside);
  let a = select(vec4f(), vec4f(x[at.x]), inside.x);
  let b = select(vec4f(), vec4f(x[at.y]), inside.y);
  let d = select(vec4f(), vec4f(x[at.z]), inside.z);
  let e = select(vec4f(), vec4f(x[at.w]), inside.w);
  return mat4x4f(a - d, b + d, d - b, b - e);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let cq = p.c / 4u;
  let i = thread_id(global, groups);
  let t = i / cq;
  let tiles = p.images * p.tiles_y * p.tiles_x;
  if (t >= tiles) {
    return;
  }
  let c = i - t * cq;
  let row = t / p.tiles_x;
  let n = row / p.tiles_y;
  let left = (t - row * p.tiles_x) * 2u - p.pw;
  let top = (row - n * p.tiles_y) * 2u - p.ph;
  let l0 = line(p.first + n, top, left, c);
  let l1 = line(p.first + n, top + 1u, left, c);
  let l2 = line(p.first + n, top + 2u, left, c);
  let l3 = line(p.first + n, top + 3u, left, c);
  store(i, l0 - l2);
  store(i + 4u * tiles * cq, l1 + l2);
  store(i + 8u * tiles * cq, l2 - l1);
  store(i + 12u * tiles * cq, l1 - l3);
}

fn store(at: u32, m: mat4x4f) {
  let step = p.images * p.tiles_y * p.tiles_x * (p.c / 4u);
  v[at] = m[0];
  v[at + step] = m[1];
  v[at + 2u * step] = m[2];
  v[at + 3u * step] = m[3];
}
