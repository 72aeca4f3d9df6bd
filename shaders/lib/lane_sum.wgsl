// Sums over a workgroup of LANES threads: every thread adds all values in the same order and so gets the same bits.
var<workgroup> lane_values: array<f32, LANES>;

// Must be reached by all threads of the workgroup.
fn lane_sum(lane: u32, value: f32) -> f32 {
  // An earlier sum may still be read.
  workgroupBarrier();
  lane_values[lane] = value;
  workgroupBarrier();
  var total = 0.0;
  for (var k = 0u; k < LANES; k++) {
    total += lane_values[k];
  }
  return total;
}
