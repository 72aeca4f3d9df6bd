// What a thread handles at a time: one number; S is what it is stored as.
alias V = f32;
alias S = E;
alias U = u32;
const PARTS = 1u;

fn part(v: V, k: u32) -> f32 {
  return v;
}

fn with_part(v: V, k: u32, value: f32) -> V {
  return value;
}
