// partial[offset + group] = sum of squares of x over the group's span of elements; one workgroup a span, in fixed order.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
struct Params { n: u32, span: u32, offset: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = id.x + id.y * groups.x;
  let first = group * p.span;
  if (first >= p.n) {
    return;
  }
  var sum = 0.0;
  for (var i = first + lane; i < min(first + p.span, p.n); i += LANES) {
    sum += x[i] * x[i];
  }
  let total = lane_sum(lane, sum);
  if (lane == 0u) {
    partial[p.offset + group] = total;
  }
}
