// Gradient of the mean of T² KL(p || q) by one side's logits, stats as in kl_divergence.wgsl:
// student: dx = dy T / rows · (q - p); TEACHER: dx = dy T / rows · p (log p - log q - KL).
@group(0) @binding(0) var<storage, read> student: array<f32>;
@group(0) @binding(1) var<storage, read> teacher: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
struct Params { rows: u32, classes: u32, temperature: f32 }
@group(0) @binding(5) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let start = row * p.classes;
  let end = start + p.classes;
  let divergence = stats[row];
  let m = vec2f(stats[p.rows + row], stats[3u * p.rows + row]);
  let log_total = vec2f(stats[2u * p.rows + row], stats[4u * p.rows + row]);
  let scale = dy[0] * p.temperature / f32(p.rows);
  for (var i = start; i < end; i++) {
    let log_q = (student[i] / p.temperature - m.x) - log_total.x;
    let log_p = (teacher[i] / p.temperature - m.y) - log_total.y;
    if (TEACHER) {
      dx[i] = scale * exp_(log_p) * (log_p - log_q - divergence);
    } else {
      dx[i] = scale * (exp_(log_q) - exp_(log_p));
    }
  }
}
