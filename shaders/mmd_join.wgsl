// distances[2·rows, 2·rows] of all pairs of rows of both sets, joined from the chunks of the blocks source-source,
// source-target and target-target, partial[chunks, 3, rows, rows], of which those on one set count on and below the diagonal;
// sums[parts, 2·rows]: each column's sum over `span` rows. A thread has the pairs of one column with `span` rows.
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> distances: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
struct Params { rows: u32, chunks: u32, span: u32, n: u32 }
@group(0) @binding(3) var<uniform> p: Params;

// Where the distance of rows i <= j of the joint set is in a chunk.
fn place(i: u32, j: u32) -> u32 {
  let area = p.rows * p.rows;
  if (j < p.rows) {
    return j * p.rows + i;
  }
  if (i < p.rows) {
    return area + i * p.rows + j - p.rows;
  }
  return 2u * area + (j - p.rows) * p.rows + i - p.rows;
}

fn chunk(k: u32, at: u32) -> f32 {
  return partial[k * 3u * p.rows * p.rows + at];
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) global: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let id = thread_id(global, groups);
  if (id >= p.n) {
    return;
  }
  let all = 2u * p.rows;
  let column = id % all;
  let first = id / all * p.span;
  var sum = 0.0;
  for (var row = first; row < min(first + p.span, all); row++) {
    let at = place(min(row, column), max(row, column));
    // Four running sums: the rounding error grows with their length.
    var s = vec4f(0.0);
    var k = 0u;
    for (; k + 3u < p.chunks; k += 4u) {
      s += vec4f(chunk(k, at), chunk(k + 1u, at), chunk(k + 2u, at), chunk(k + 3u, at));
    }
    for (; k < p.chunks; k++) {
      s.x += chunk(k, at);
    }
    let d = (s.x + s.y) + (s.z + s.w);
    distances[row * all + column] = d;
    sum += d;
  }
  sums[id] = sum;
}
