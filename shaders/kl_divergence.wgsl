// One row of KL(p || q) = Σ p (log p - log q) with log q = student / T, log p = teacher / T, both minus their
// log Σ e^: logits are [rows, classes].
@group(0) @binding(0) var<storage, read> student: array<f32>;
@group(0) @binding(1) var<storage, read> teacher: array<f32>;
// Planes of `rows` numbers each: divergence, maximum and log Σ e^(x - maximum) of the student, the same of the teacher.
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
struct Params { rows: u32, classes: u32, temperature: f32 }
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = thread_id(global, groups);
  if (row >= p.rows) {
    return;
  }
  let start = row * p.classes;
  let end = start + p.classes;
  var m = vec2f(student[start], teacher[start]);
  for (var i = start + 1u; i < end; i++) {
    m = vec2f(larger(m.x, student[i]), larger(m.y, teacher[i]));
  }
  m /= p.temperature;
  var total = vec2f(0.0);
  for (var i = start; i < end; i++) {
    total += vec2f(exp_(student[i] / p.temperature - m.x), exp_(teacher[i] / p.temperature - m.y));
  }
  let log_total = vec2f(log_(total.x), log_(total.y));
  var divergence = 0.0;
  for (var i = start; i < end; i++) {
    let log_q = (student[i] / p.temperature - m.x) - log_total.x;
    let log_p = (teacher[i] / p.temperature - m.y) - log_total.y;
    divergence += exp_(log_p) * (log_p - log_q);
  }
  stats[row] = divergence;
  stats[p.rows + row] = m.x;
  stats[2u * p.rows + row] = log_total.x;
  stats[3u * p.rows + row] = m.y;
  stats[4u * p.rows + row] = log_total.y;
}
