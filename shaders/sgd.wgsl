// One step of gradient descent with momentum, in place:
// g = clip * gradient + weight_decay * parameter, velocity = momentum * velocity + g,
// parameter -= learning_rate * (nesterov ? g + momentum * velocity : velocity). A clip of zero skips the step.
// Without MOMENTUM there is no velocity, and what is bound for it is left alone.
// n vectors of four elements, of which the first `decayed` decay.
@group(0) @binding(0) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(1) var<storage, read> clip: array<f32>;
@group(0) @binding(2) var<storage, read_write> parameter: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> velocity: array<vec4f>;
struct Params {
  n: u32,
  clipped: u32, nesterov: u32, decayed: u32,
  learning_rate: f32, momentum: f32, weight_decay: f32,
}
@group(0) @binding(4) var<uniform> p: Params;

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
  if (!MOMENTUM) {
    parameter[i] -= p.learning_rate * g;
    return;
  }
  let v = p.momentum * velocity[i] + g;
  velocity[i] = v;
  parameter[i] -= p.learning_rate * select(v, g + p.momentum * v, p.nesterov != 0u);
}
