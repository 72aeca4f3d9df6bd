// y = x * scale where the hash of (key, index) is at least `threshold`, else 0. The mask is a function of the counter
// alone, so the gradient recomputes it. NaN shows even where it is dropped.
// Source: Srivastava et al. 2014, in the inverted form; hash: lowbias32, C. Wellons, "hash-prospector".
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Params { n: u32, key: u32, threshold: u32, scale: f32 }
@group(0) @binding(2) var<uniform> p: Params;

fn hash(seed: u32) -> u32 {
  var h = seed;
  h = (h ^ (h >> 16u)) * 0x21f0aaadu;
  h = (h ^ (h >> 15u)) * 0xd35a2d97u;
  return h ^ (h >> 15u);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  // Hashed before the key is added: with a plain sum two keys would give the same mask, shifted.
  let keep = hash(hash(i) + p.key) >= p.threshold;
  let v = x[i];
  y[i] = select(select(0.0, v, is_nan(v)), v * p.scale, keep);
}
