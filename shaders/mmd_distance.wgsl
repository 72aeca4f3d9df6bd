// Squared distances of the rows of a[rows, width] to those of b[rows, width], summed over one chunk of the width.
// A workgroup has a tile of 4 x 4 pairs of rows; its 64 threads deal out the chunk's columns and are added at the end.
// Differences are squared directly: |u|² + |v|² - 2uv would take no less memory and lose digits where rows are close.
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
// The block [rows, rows] starts at `at` of each chunk's `stride` numbers; symmetric: a and b are the same.
struct Params { rows: u32, width: u32, chunk: u32, stride: u32, at: u32, symmetric: u32 }
@group(0) @binding(3) var<uniform> p: Params;

const THREADS = 64u;
var<workgroup> lanes: array<vec4f, 256>;

fn start_of(row: u32) -> u32 {
  return min(row, p.rows - 1u) * p.width;
}

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(workgroup_id) group: vec3u) {
  // The mirrored tile writes this one too.
  if (p.symmetric != 0u && group.z > group.y) {
    return;
  }
  let row = 4u * group.z;
  let column = 4u * group.y;
  let a_at = vec4u(start_of(row), start_of(row + 1u), start_of(row + 2u), start_of(row + 3u));
  let b_at = vec4u(start_of(column), start_of(column + 1u), start_of(column + 2u), start_of(column + 3u));
  let begin = group.x * p.chunk;
  let end = min(begin + p.chunk, p.width);
  var s0 = vec4f(0.0);
  var s1 = vec4f(0.0);
  var s2 = vec4f(0.0);
  var s3 = vec4f(0.0);
  for (var d = begin + lane; d < end; d += THREADS) {
    let v = vec4f(b[b_at.x + d], b[b_at.y + d], b[b_at.z + d], b[b_at.w + d]);
    let d0 = a[a_at.x + d] - v;
    let d1 = a[a_at.y + d] - v;
    let d2 = a[a_at.z + d] - v;
    let d3 = a[a_at.w + d] - v;
    s0 += d0 * d0;
    s1 += d1 * d1;
    s2 += d2 * d2;
    s3 += d3 * d3;
  }
  lanes[4u * lane] = s0;
  lanes[4u * lane + 1u] = s1;
  lanes[4u * lane + 2u] = s2;
  lanes[4u * lane + 3u] = s3;
  workgroupBarrier();
  if (lane >= 4u) {
    return;
  }
  var even = vec4f(0.0);
  var odd = vec4f(0.0);
  for (var k = lane; k < 4u * THREADS; k += 8u) {
    even += lanes[k];
    odd += lanes[k + 4u];
  }
  let total = even + odd;
  let i = row + lane;
  for (var k = 0u; k < 4u; k++) {
    let j = column + k;
    if (i < p.rows && j < p.rows) {
      let base = group.x * p.stride + p.at;
      partial[base + i * p.rows + j] = total[k];
      if (p.symmetric != 0u && group.z < group.y) {
        partial[base + j * p.rows + i] = total[k];
      }
    }
  }
}
