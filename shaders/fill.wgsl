// y[i] = value.
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
struct Params { n: u32, value: f32 }
@group(0) @binding(1) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i < p.n) {
    y[i] = p.value;
  }
}
