// sums = the sums of n losses and of the n weights behind them; y[0] = their quotient, or 0 where no row counts.
@group(0) @binding(0) var<storage, read> stats: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
struct Params { n: u32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u) {
  if (global.x > 0u) {
    return;
  }
  var loss = 0.0;
  var weight = 0.0;
  for (var i = 0u; i < p.n; i++) {
    loss += stats[i];
    weight += stats[p.n + i];
  }
  sums[0] = loss;
  sums[1] = weight;
  y[0] = select(loss / weight, 0.0, weight == 0.0);
}
