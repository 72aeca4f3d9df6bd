// y of the t-th 2 × 2 tile = Aᵀ m[·,·][t,k] A + bias[k], cut off below 0 if `relu`: the last step of Winograd's F(2×2, 3×3).
// Images begin at `first`; k divisible by 4. Source: Lavin & Gray 2016, equation 10.
@group(0) @binding(0) var<storage, read> m: array<vec4f>;
@group(0) @binding(1) var<storage, read> bias: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<E>>;
struct Params { first: u32, images: u32, tiles_y: u32, tiles_x: u32, oh: u32, ow: u32, k: u32, bias: u32, relu: u32 }
@group(0) @binding(3) var<uniform> p: Params;

// One row of the products, combined along the row into the two columns of outputs.
fn line(first: u32, i: u32, step: u32) -> mat2x4f {
  let a = m[first * step + i];
  let b = m[(first + 1u) * step + i];
  let c = m[(first + 2u) * step + i];
  let d = m[(first + 3u) * step + i];
  return mat2x4f(a + b + c, b - c - d);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let kq = p.k / 4u;
  let i = thread_id(global, groups);
  let t = i / kq;
  let tiles = p.images * p.tiles_y * p.tiles_x;
  if (t >= tiles) {
    return;
  }
  let k = i - t * kq;
  let row = t / p.tiles_x;
  let n = row / p.tiles_y;
  let ox = (t - row * p.tiles_x) * 2u;
  let oy = (row - n * p.tiles_y) * 2u;
  let l0 = line(0u, i, tiles * kq);
  let l1 = line(4u, i, tiles * kq);
  let l2 = line(8u, i, tiles * kq);
  let l3 = line(12u, i, tiles * kq);
  var b = vec4f();
  if (p.bias == 1u) {
    b = bias[k];
  }
  let at = (((p.first + n) * p.oh + oy) * p.ow + ox) * kq + k;
  let right = ox + 1u < p.ow;
  let upper = l0 + l1 + l2;
  store(at, upper[0] + b);
  if (right) {
    store(at + kq, upper[1] + b);
  }
  if (oy + 1u < p.oh) {
    let lower = l1 - l2 - l3;
    store(at + p.ow * kq, lower[0] + b);
    if (right) {
      store(at + (p.ow + 1u) * kq, lower[1] + b);
    }
  }
}

fn store(at: u32, value: vec4f) {
  y[at] = vec4<E>(select(value, vec4f(), (value < vec4f()) & vec4<bool>(p.relu == 1u)));
}
