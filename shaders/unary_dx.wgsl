// dx[i] = dy[i] * f'(x[i]); OP selects f as in unary.wgsl, y[i] = f(x[i]) is used where it saves work. n counts Vs.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read> y: array<S>;
@group(0) @binding(2) var<storage, read> dy: array<S>;
@group(0) @binding(3) var<storage, read_write> dx: array<S>;
struct Params { n: u32, a: f32, b: f32 }
@group(0) @binding(4) var<uniform> p: Params;

fn slope(v: f32, r: f32) -> f32 {
  switch OP {
    case RELU: { return select(0.0, 1.0, v > 0.0); }
    case LEAKY_RELU: { return select(1.0, p.a, v < 0.0); }
    // 1 - sigmoid(v) = sigmoid(-v), without cancellation.
    case SIGMOID: { return r * sigmoid_(-v); }
    case TANH: { return 1.0 - r * r; }
    case GELU: {
      let u = 1.5957691216 * (v + 0.044715 * v * v * v);
      let g = sigmoid_(u);
      return g + v * g * sigmoid_(-u) * 1.5957691216 * (1.0 + 0.134145 * v * v);
    }
    case SILU: {
      let s = sigmoid_(v);
      return s * (1.0 + v * sigmoid_(-v));
    }
    case SOFTPLUS: { return sigmoid_(v); }
    case EXP: { return r; }
    case LOG: { return 1.0 / v; }
    case SQRT: { return 0.5 / r; }
    case RSQRT: { return -0.5 * r / v; }
    case SQUARE: { return 2.0 * v; }
    case ABS: { return select(select(0.0, 1.0, v > 0.0), -1.0, v < 0.0); }
    case NEG: { return -1.0; }
    case RECIPROCAL: { return -r * r; }
    case AFFINE: { return p.a; }
    case CLAMP: { return select(0.0, 1.0, v >= p.a && v <= p.b); }
    case POW: { return p.a * exp_((p.a - 1.0) * log_(v)); }
    default: { return 1.0; }
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let v = V(x[i]);
  let r = V(y[i]);
  var s = v;
  for (var k = 0u; k < PARTS; k++) {
    s = with_part(s, k, slope(part(v, k), part(r, k)));
  }
  dx[i] = S(V(dy[i]) * s);
}
