// y = f(a, b) with broadcasting over up to four axes; OP selects f. SAME: all three have one shape, no index
// arithmetic, and n counts Vs; elsewhere V is f32.
@group(0) @binding(0) var<storage, read> a: array<S>;
@group(0) @binding(1) var<storage, read> b: array<S>;
@group(0) @binding(2) var<storage, read_write> y: array<S>;
// Extents of the output's axes 1..3; strides of a and b along axes 0..3, 0 where broadcast.
struct Params {
  n: u32, e1: u32, e2: u32, e3: u32,
  a0: u32, a1: u32, a2: u32, a3: u32,
  b0: u32, b1: u32, b2: u32, b3: u32,
}
@group(0) @binding(3) var<uniform> p: Params;

fn f(u: f32, v: f32) -> f32 {
  switch OP {
    case ADD: { return u + v; }
    case SUB: { return u - v; }
    case MUL: { return u * v; }
    case DIV: { return u / v; }
    // A comparison with NaN is false, so u survives; v must be asked.
    case MAXIMUM: { return select(u, v, v > u || is_nan(v)); }
    case MINIMUM: { return select(u, v, v < u || is_nan(v)); }
    // 1 where a wins, 1/2 at ties, 0 where b wins: the slope of maximum in a.
    case WINS: { return select(select(0.0, 0.5, u == v), 1.0, u > v); }
    case AVERAGE: { return 0.5 * (u + v); }
    default: { return u; }
  }
}

fn each(s: S, t: S) -> S {
  let u = V(s);
  let v = V(t);
  var r = u;
  for (var k = 0u; k < PARTS; k++) {
    r = with_part(r, k, f(part(u, k), part(v, k)));
  }
  return S(r);
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  if (SAME) {
    y[i] = each(a[i], b[i]);
    return;
  }
  let i3 = i % p.e3;
  let r2 = i / p.e3;
  let i2 = r2 % p.e2;
  let r1 = r2 / p.e2;
  let i1 = r1 % p.e1;
  let i0 = r1 / p.e1;
  y[i] = each(
    a[i0 * p.a0 + i1 * p.a1 + i2 * p.a2 + i3 * p.a3],
    b[i0 * p.b0 + i1 * p.b1 + i2 * p.b2 + i3 * p.b3],
  );
}
