// y[first ..] = x[first ..]: memory traffic and nothing else. `lanes` neighbouring threads copy one contiguous block of
// lanes · each vectors of four, `each` a thread, one vector beside the other.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
struct Params { first: u32, end: u32, lanes: u32, each: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  let start = p.first + (i / p.lanes) * p.lanes * p.each + i % p.lanes;
  for (var k = 0u; k < p.each; k++) {
    let at = start + k * p.lanes;
    if (at < p.end) {
      y[at] = x[at];
    }
  }
}
