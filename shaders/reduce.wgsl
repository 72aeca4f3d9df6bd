// One pass of a reduction over the middle axis of x[outer, length, inner]; MAX selects maximum instead of sum.
// The axis is dealt out to `parts` threads like cards, y[outer, parts, inner]: neighbouring threads read neighbouring
// elements, and the length need not be a multiple of anything. Four running results, joined in fixed order.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
// span = parts · inner, the distance of one thread's elements; total = length · inner.
struct Params { n: u32, span: u32, total: u32, scale: f32 }
@group(0) @binding(2) var<uniform> p: Params;

fn join(u: f32, v: f32) -> f32 {
  if (MAX) {
    return larger(u, v);
  }
  return u + v;
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
  var s = vec4f(0.0);
  if (MAX) {
    s = vec4f(x[at]);
  }
  for (; at + 3u * p.span < end; at += 4u * p.span) {
    s = vec4f(
      join(s.x, x[at]),
      join(s.y, x[at + p.span]),
      join(s.z, x[at + 2u * p.span]),
      join(s.w, x[at + 3u * p.span]),
    );
  }
  for (; at < end; at += p.span) {
    s.x = join(s.x, x[at]);
  }
  y[i] = join(join(s.x, s.y), join(s.z, s.w)) * p.scale;
}
