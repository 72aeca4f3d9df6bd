// The sum of Gaussian kernels of the maximum mean discrepancy. Needs finite.wgsl, math.wgsl.

// The smallest of the bandwidths: `lowest` times the mean squared distance of two different rows of both sets, from the sum
// over all pairs; the constant keeps it above 0.
fn smallest_bandwidth(total: f32, rows: u32, lowest: f32) -> f32 {
  let n = 2.0 * f32(rows);
  return lowest * (total / (n * n - n) + 1e-12);
}

// x: Σ_k e^(-d / b_k); y: its derivative by -d; b_k = smallest · multiplier^k.
fn kernel_sum(d: f32, smallest: f32, kernels: u32, multiplier: f32) -> vec2f {
  var total = vec2f(0.0);
  var bandwidth = smallest;
  for (var k = 0u; k < kernels; k++) {
    let e = exp_(-d / bandwidth);
    total += vec2f(e, e / bandwidth);
    bandwidth *= multiplier;
  }
  return total;
}
