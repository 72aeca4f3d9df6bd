// partial[parts]: sums of (a - b)² over n Vs dealt out to `parts` threads like cards.
@group(0) @binding(0) var<storage, read> a: array<S>;
@group(0) @binding(1) var<storage, read> b: array<S>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
struct Params { n: u32, parts: u32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = thread_id(global, groups);
  if (i >= p.parts) {
    return;
  }
  var sum = V(0.0);
  for (var at = i; at < p.n; at += p.parts) {
    let d = V(a[at]) - V(b[at]);
    sum += d * d;
  }
  var total = 0.0;
  for (var k = 0u; k < PARTS; k++) {
    total += part(sum, k);
  }
  partial[i] = total;
}
