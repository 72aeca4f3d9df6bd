// y[i] = f(x[i]); OP selects f, a and b are its parameters (slope; scale and shift; minimum and maximum; exponent).
// n counts Vs.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<S>;
struct Params { n: u32, a: f32, b: f32 }
@group(0) @binding(2) var<uniform> p: Params;

fn f(v: f32) -> f32 {
  switch OP {
    // Written so that NaN passes through: max(NaN, 0) is 0.
    case RELU: { return select(v, 0.0, v < 0.0); }
    case LEAKY_RELU: { return select(v, p.a * v, v < 0.0); }
    case SIGMOID: { return sigmoid_(v); }
    case TANH: { return tanh_(v); }
    // 0.5 (1 + tanh(u)) = sigmoid(2u), without cancellation.
    case GELU: { return v * sigmoid_(1.5957691216 * (v + 0.044715 * v * v * v)); }
    case SILU: { return v * sigmoid_(v); }
    case SOFTPLUS: { return softplus_(v); }
    case EXP: { return exp_(v); }
    case LOG: { return log_(v); }
    case SQRT: { return sqrt(v); }
    case RSQRT: { return 1.0 / sqrt(v); }
    case SQUARE: { return v * v; }
    case ABS: { return abs(v); }
    case NEG: { return -v; }
    case RECIPROCAL: { return 1.0 / v; }
    case AFFINE: { return p.a * v + p.b; }
    case CLAMP: { return select(select(v, p.a, v < p.a), p.b, v > p.b); }
    case POW: { return exp_(p.a * log_(v)); }
    default: { return v; }
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let v = V(x[i]);
  var r = v;
  for (var k = 0u; k < PARTS; k++) {
    r = with_part(r, k, f(part(v, k)));
  }
  y[i] = S(r);
}
