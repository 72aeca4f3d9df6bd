// What a thread handles at a time: four neighbouring numbers; S is what they are stored as.
alias V = vec4f;
alias S = vec4<E>;
alias U = vec4u;
const PARTS = 4u;

fn part(v: V, k: u32) -> f32 {
  return v[k];
}

fn with_part(v: V, k: u32, value: f32) -> V {
  var changed = v;
  changed[k] = value;
  return changed;
}
