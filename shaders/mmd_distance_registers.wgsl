// Squared distances of the rows of a[rows, width] to those of b[rows, width], summed over one chunk of the width.
// One thread: 4 x 4 pairs of rows in registers, no workgroup memory; columns of pairs vary fastest over threads.
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
// The block [rows, rows] starts at `at` of each chunk's `stride` numbers.
struct Params { rows: u32, width: u32, chunk: u32, chunks: u32, stride: u32, at: u32 }
@group(0) @binding(3) var<uniform> p: Params;

fn starts(row: u32) -> vec4u {
  return min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(p.rows - 1u)) * p.width;
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let id = thread_id(global, groups);
  let tiles = (p.rows + 3u) / 4u;
  let column = 4u * (id % tiles);
  let row = 4u * (id / tiles % tiles);
  let part = id / (tiles * tiles);
  if (part >= p.chunks) {
    return;
  }
  let a_at = starts(row);
  let b_at = starts(column);
  var s = mat4x4f();
  for (var d = part * p.chunk; d < min((part + 1u) * p.chunk, p.width); d++) {
    let v = vec4f(b[b_at.x + d], b[b_at.y + d], b[b_at.z + d], b[b_at.w + d]);
    let d0 = a[a_at.x + d] - v;
    let d1 = a[a_at.y + d] - v;
    let d2 = a[a_at.z + d] - v;
    let d3 = a[a_at.w + d] - v;
    s += mat4x4f(d0 * d0, d1 * d1, d2 * d2, d3 * d3);
  }
  let base = part * p.stride + p.at;
  for (var i = 0u; i < min(4u, p.rows - row); i++) {
    for (var j = 0u; j < min(4u, p.rows - column); j++) {
      partial[base + (row + i) * p.rows + column + j] = s[i][j];
    }
  }
}
