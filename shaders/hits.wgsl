// count[0] = number of labels equal to their target, count[1] = number of targets that count (not IGNORED); one workgroup.
@group(0) @binding(0) var<storage, read> labels: array<u32>;
@group(0) @binding(1) var<storage, read> targets: array<u32>;
@group(0) @binding(2) var<storage, read_write> count: array<f32>;
struct Params { n: u32, ignored: u32 }
@group(0) @binding(3) var<uniform> p: Params;

const LANES = 64u;
var<workgroup> right: array<u32, LANES>;
var<workgroup> counted: array<u32, LANES>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var hits = 0u;
  var valid = 0u;
  for (var i = lane; i < p.n; i += LANES) {
    let known = targets[i] != p.ignored;
    valid += u32(known);
    hits += u32(known && labels[i] == targets[i]);
  }
  right[lane] = hits;
  counted[lane] = valid;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < LANES; i++) {
      hits += right[i];
      valid += counted[i];
    }
    count[0] = f32(hits);
    count[1] = f32(valid);
  }
}
