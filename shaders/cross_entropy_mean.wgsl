// y[0] = sum of the losses / sum of the weights; 0 where no row counts.
@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
struct Params { n: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u) {
  if (global.x < p.n) {
    y[global.x] = select(sums[0] / sums[1], 0.0, sums[1] == 0.0);
  }
}
