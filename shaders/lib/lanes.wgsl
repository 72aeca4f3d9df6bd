// A tile of 4·LANES rows × 4·QUADS columns (QUADS is 4 or 6) of A·B for one subgroup of LANES threads. Each lane owns four rows.
// The block of B that a step needs is loaded once, spread over the lanes, and handed round by broadcasts: on adapters that
// emulate SIMD, a load costs as much as dozens of additions, whether neighbouring threads load the same value or not.
// The including shader defines load_b(base, i, v), the i-th of four vectors of a block for columns 4v..4v+3 of the product, and
// arrange_b, which makes a matrix with those four as columns into one whose column j is row j of the block.
const VECTORS = 4u * QUADS;
// Column r of sums_v: columns 4v..4v+3 of the lane's row r.
var<private> sums_0: mat4x4f;
var<private> sums_1: mat4x4f;
var<private> sums_2: mat4x4f;
var<private> sums_3: mat4x4f;
var<private> sums_4: mat4x4f;
var<private> sums_5: mat4x4f;

fn load_vector(base: u32, vector: u32) -> vec4f {
  let last = min(vector, VECTORS - 1u);
  return load_b(base, last % 4u, last / 4u);
}

// Adds the products of four inner indices: column r of `a` is the lane's row r of A there, and B's block is at `base`.
fn accumulate(a: mat4x4f, base: u32, lane: u32) {
  let b0 = load_vector(base, lane);
  var b1 = b0;
  var b2 = b0;
  var b3 = b0;
  var b4 = b0;
  var b5 = b0;
  if (LANES < VECTORS) {
    b1 = load_vector(base, lane + LANES);
  }
  if (2u * LANES < VECTORS) {
    b2 = load_vector(base, lane + 2u * LANES);
  }
  if (3u * LANES < VECTORS) {
    b3 = load_vector(base, lane + 3u * LANES);
    b4 = load_vector(base, lane + 4u * LANES);
    b5 = load_vector(base, lane + 5u * LANES);
  }
  let b = array<vec4f, 6>(b0, b1, b2, b3, b4, b5);
  sums_0 += arrange_b(mat4x4f(
    subgroupBroadcast(b[0u / LANES], 0u % LANES),
    subgroupBroadcast(b[1u / LANES], 1u % LANES),
    subgroupBroadcast(b[2u / LANES], 2u % LANES),
    subgroupBroadcast(b[3u / LANES], 3u % LANES),
  )) * a;
  sums_1 += arrange_b(mat4x4f(
    subgroupBroadcast(b[4u / LANES], 4u % LANES),
    subgroupBroadcast(b[5u / LANES], 5u % LANES),
    subgroupBroadcast(b[6u / LANES], 6u % LANES),
    subgroupBroadcast(b[7u / LANES], 7u % LANES),
  )) * a;
  sums_2 += arrange_b(mat4x4f(
    subgroupBroadcast(b[8u / LANES], 8u % LANES),
    subgroupBroadcast(b[9u / LANES], 9u % LANES),
    subgroupBroadcast(b[10u / LANES], 10u % LANES),
    subgroupBroadcast(b[11u / LANES], 11u % LANES),
  )) * a;
  sums_3 += arrange_b(mat4x4f(
    subgroupBroadcast(b[12u / LANES], 12u % LANES),
    subgroupBroadcast(b[13u / LANES], 13u % LANES),
    subgroupBroadcast(b[14u / LANES], 14u % LANES),
    subgroupBroadcast(b[15u / LANES], 15u % LANES),
  )) * a;
  if (QUADS > 4u) {
    sums_4 += arrange_b(mat4x4f(
      subgroupBroadcast(b[16u / LANES], 16u % LANES),
      subgroupBroadcast(b[17u / LANES], 17u % LANES),
      subgroupBroadcast(b[18u / LANES], 18u % LANES),
      subgroupBroadcast(b[19u / LANES], 19u % LANES),
    )) * a;
    sums_5 += arrange_b(mat4x4f(
      subgroupBroadcast(b[20u / LANES], 20u % LANES),
      subgroupBroadcast(b[21u / LANES], 21u % LANES),
      subgroupBroadcast(b[22u / LANES], 22u % LANES),
      subgroupBroadcast(b[23u / LANES], 23u % LANES),
    )) * a;
  }
}

// The sums of columns 4v..4v+3 of row r. To be called in loops that a compiler will not unroll (their start is not a constant):
// every store costs compile time while so many sums are alive.
fn sum_of(r: u32, v: u32) -> vec4f {
  var m = sums_0;
  if (v == 1u) {
    m = sums_1;
  }
  if (v == 2u) {
    m = sums_2;
  }
  if (v == 3u) {
    m = sums_3;
  }
  if (v == 4u) {
    m = sums_4;
  }
  if (v == 5u) {
    m = sums_5;
  }
  return select(select(m[0], m[1], r == 1u), select(m[2], m[3], r == 3u), r >= 2u);
}
