// A 4T × 4T tile of A·B for T × T threads with 4 × 4 outputs each, through workgroup memory, 16 of the inner axis at a time.
// The including shader defines load_a (rows row..row+3 at inner index k) and load_b (columns col..col+3 at k), anything outside,
// and says for each whether its memory runs along the inner axis, so that neighbouring threads read neighbouring elements.
const DEPTH = 16u;
// One more than T, against bank conflicts.
const PITCH = T + 1u;
var<workgroup> tile_a: array<vec4f, PITCH * DEPTH>;
var<workgroup> tile_b: array<vec4f, PITCH * DEPTH>;

fn tile_product(row: u32, col: u32, local: vec2u, begin: u32, end: u32) -> array<vec4f, 4> {
  var acc: array<vec4f, 4>;
  for (var k = begin; k < end; k += DEPTH) {
    for (var i = local.y * T + local.x; i < T * DEPTH; i += T * T) {
      let inner_first = vec2u(i % DEPTH, i / DEPTH);
      let outer_first = vec2u(i / T, i % T);
      let a = select(outer_first, inner_first, a_runs_inner());
      let b = select(outer_first, inner_first, b_runs_inner());
      var va = vec4f();
      var vb = vec4f();
      if (k + a.x < end) {
        va = load_a(row + 4u * a.y, k + a.x);
      }
      if (k + b.x < end) {
        vb = load_b(k + b.x, col + 4u * b.y);
      }
      tile_a[a.x * PITCH + a.y] = va;
      tile_b[b.x * PITCH + b.y] = vb;
    }
    workgroupBarrier();
    // Not from 0 to DEPTH: compilers that unroll this loop take seconds over it.
    var at_b = local.x;
    for (var at_a = local.y; at_a < PITCH * DEPTH; at_a += PITCH) {
      let a = tile_a[at_a];
      let b = tile_b[at_b];
      acc[0] += a.x * b;
      acc[1] += a.y * b;
      acc[2] += a.z * b;
      acc[3] += a.w * b;
      at_b += PITCH;
    }
    workgroupBarrier();
  }
  return acc;
}
