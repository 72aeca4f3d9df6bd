// An axis of `own` pixels seen as `other` equal bins, or the other way round: the [first, end) of the others that overlap `at`,
// ⌊at·other/own⌋ to ⌈(at + 1)·other/own⌉.
fn overlapping(at: u32, own: u32, other: u32) -> vec2u {
  return vec2u(at * other / own, ((at + 1u) * other + own - 1u) / own);
}
