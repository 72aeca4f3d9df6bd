// One pass of a reduction over the middle axis of x[outer, length, inner]; MAX selects maximum instead of sum.
// The axis is dealt out to `parts` threads like cards, y[outer, parts, inner]: neighbouring threads read neighbouring
// elements, and the length need not be a multiple of anything. Four running results, joined in fixed order.
@group(0) @binding(0) var<storage, read> x: array<S>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
// In Vs: span = parts · inner, the distance of one thread's elements; total = length · inner; n = outer · span.
struct Params { n: u32, span: u32, total: u32, scale: f32 }
@group(0) @binding(2) var<uniform> p: Params;

fn join(u: V, v: V) -> V {
  if (!MAX) {
    return u + v;
  }
  var r = u;
  for (var k = 0u; k < PARTS; k++) {
    r = with_part(r, k, larger(part(u, k), part(v, k)));
  }
  return r;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  let start = (i / p.span) * p.total;
  let end = start + p.total;
  var at = start + i % p.span;
  var s0 = V(0.0);
  if (MAX) {
    s0 = V(x[at]);
  }
  var s1 = s0;
  var s2 = s0;
  var s3 = s0;
  for (; at + 3u * p.span < end; at += 4u * p.span) {
    s0 = join(s0, V(x[at]));
    s1 = join(s1, V(x[at + p.span]));
    s2 = join(s2, V(x[at + 2u * p.span]));
    s3 = join(s3, V(x[at + 3u * p.span]));
  }
  for (; at < end; at += p.span) {
    s0 = join(s0, V(x[at]));
  }
  y[i] = join(join(s0, s1), join(s2, s3)) * p.scale;
}
