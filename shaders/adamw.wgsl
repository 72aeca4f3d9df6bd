// One step of AdamW or Adam, in place: g = clip * gradient + weight_decay * parameter, m = keep1 * m + take1 * g,
// v = keep2 * v + take2 * g^2, parameter = parameter * decay - step * m / (sqrt(v) / root + eps). A clip of zero skips the step.
// keep = beta, take = 1 - beta, decay = 1 - learning rate * weight decay, step = learning rate / (1 - beta1^t),
// root = sqrt(1 - beta2^t). Of n vectors of four elements the first `decayed` have the weight decay in their gradient (Adam), the
// first `shrunk` in `decay` (AdamW). The differences are taken in float64 by the caller, since f32 would lose half their digits.
@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> clip: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> v: array<vec4f>;
struct Params {
  n: u32,
  clipped: u32,
  decayed: u32, shrunk: u32,
  keep1: f32, take1: f32, keep2: f32, take2: f32,
  weight_decay: f32, decay: f32, step: f32, root: f32, eps: f32,
}
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  var g = gradient[i];
  if (p.clipped != 0u) {
    let factor = clip[0];
    // Zero times NaN would be NaN: nothing may be computed, let alone written.
    if (factor == 0.0) {
      return;
    }
    g *= factor;
  }
  if (i < p.decayed) {
    g += p.weight_decay * parameter[i];
  }
  let m1 = p.keep1 * m[i] + p.take1 * g;
  let v1 = p.keep2 * v[i] + p.take2 * g * g;
  m[i] = m1;
  v[i] = v1;
  let decay = select(1.0, p.decay, i < p.shrunk);
  parameter[i] = parameter[i] * decay - p.step * m1 / (sqrt(v1) / p.root + p.eps);
}
