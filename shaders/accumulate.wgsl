// sum = x in the first of several rounds, sum += x in the others; n vectors of four elements.
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> sum: array<vec4f>;
struct Params { n: u32, first: u32 }
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.n) {
    return;
  }
  var before = vec4f();
  if (p.first == 0u) {
    before = sum[i];
  }
  sum[i] = before + x[i];
}
