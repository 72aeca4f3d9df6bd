// values[parts, 2·rows]: for each row of both sets, the kernels with `span` rows of its own set less those with the same rows of
// the other; their sum over rows² is the discrepancy. weights[2·rows, 2·rows]: the derivative of the kernel sum by the squared
// distance, negative for pairs across the sets: what each difference z_i - z_j contributes to the gradient, but for a factor.
@group(0) @binding(0) var<storage, read> distances: array<f32>;
@group(0) @binding(1) var<storage, read> total: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
struct Params { rows: u32, span: u32, n: u32, kernels: u32, multiplier: f32, lowest: f32 }
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let id = thread_id(global, groups);
  if (id >= p.n) {
    return;
  }
  let smallest = smallest_bandwidth(total[0], p.rows, p.lowest);
  let all = 2u * p.rows;
  let column = id % all;
  let first = id / all * p.span;
  // Where the rows of the column's own set, and of the other, begin.
  let own = select(p.rows, 0u, column < p.rows) * all + column;
  let other = select(0u, p.rows, column < p.rows) * all + column;
  var sum = 0.0;
  for (var row = first; row < min(first + p.span, p.rows); row++) {
    let within = kernel_sum(distances[own + row * all], smallest, p.kernels, p.multiplier);
    let across = kernel_sum(distances[other + row * all], smallest, p.kernels, p.multiplier);
    weights[own + row * all] = -within.y;
    weights[other + row * all] = across.y;
    // In this order equal sets give exactly 0.
    sum += within.x - across.x;
  }
  values[id] = sum;
}
