// An 8T × 8T tile of A·B for T × T threads with 8 × 8 outputs each (T is 8 or 16): 4 × 4 blocks of A and B pass from global memory as
// vectors into workgroup memory, 16 of the inner axis at a time.
// The including shader defines load_a(row, k), whose column r is A[row + r, k..k+3], and load_b(k, col), whose column i is
// B[k + i, col..col+3], anything outside; the inner extent is divisible by 4, or both give 0 behind it.
const DEPTH = 16u;
const SIDE = 8u * T;
// Vectors that make up the tile's depth, and its side.
const DEEP = DEPTH / 4u;
const WIDE = SIDE / 4u;
const BLOCKS = WIDE * DEEP;
// Vectors along the inner axis, [row][k / 4].
var<workgroup> tile_a: array<vec4f, SIDE * DEEP>;
// Vectors along the columns, [k][column / 4].
var<workgroup> tile_b: array<vec4f, DEPTH * WIDE>;

// Column r of ij: four columns, 4·T·j + 4·local.x on, of row 4·T·i + 4·local.y + r.
struct Sums { m00: mat4x4f, m01: mat4x4f, m10: mat4x4f, m11: mat4x4f }

// Row and inner index of a block of A; inner index and column of a block of B.
fn place_a(i: u32) -> vec2u { return vec2u(i / DEEP, i % DEEP) * 4u; }
fn place_b(i: u32) -> vec2u { return vec2u(i / WIDE, i % WIDE) * 4u; }

fn move_a(i: u32, row: u32, k: u32, end: u32) {
  let place = place_a(i);
  var m: mat4x4f;
  if (k + place.y < end) {
    m = load_a(row + place.x, k + place.y);
  }
  let at = place.x * DEEP + place.y / 4u;
  tile_a[at] = m[0];
  tile_a[at + DEEP] = m[1];
  tile_a[at + 2u * DEEP] = m[2];
  tile_a[at + 3u * DEEP] = m[3];
}

fn move_b(i: u32, col: u32, k: u32, end: u32) {
  let place = place_b(i);
  var m: mat4x4f;
  if (k + place.x < end) {
    m = load_b(k + place.x, col + place.y);
  }
  let at = place.x * WIDE + place.y / 4u;
  tile_b[at] = m[0];
  tile_b[at + WIDE] = m[1];
  tile_b[at + 2u * WIDE] = m[2];
  tile_b[at + 3u * WIDE] = m[3];
}

fn four_of_a(at: u32) -> mat4x4f {
  return mat4x4f(tile_a[at], tile_a[at + DEEP], tile_a[at + 2u * DEEP], tile_a[at + 3u * DEEP]);
}

fn four_of_b(at: u32) -> mat4x4f {
  return mat4x4f(tile_b[at], tile_b[at + WIDE], tile_b[at + 2u * WIDE], tile_b[at + 3u * WIDE]);
}

fn row_product(sum: vec4f, a: vec4f, b: mat4x4f) -> vec4f {
  return fma(vec4f(a.w), b[3], fma(vec4f(a.z), b[2], fma(vec4f(a.y), b[1], fma(vec4f(a.x), b[0], sum))));
}

// sums + the product, as one chain of fused operations for each output: a product of matrices would round once more.
fn add_product(sums: mat4x4f, a: mat4x4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(
    row_product(sums[0], a[0], b),
    row_product(sums[1], a[1], b),
    row_product(sums[2], a[2], b),
    row_product(sums[3], a[3], b),
  );
}

fn block_product(row: u32, col: u32, local: vec2u, end: u32) -> Sums {
  var sums: Sums;
  // Where T is 16, the last half of the threads moves B.
  let i = local.y * T + local.x;
  let i_b = (i + BLOCKS) % (T * T);
  for (var k = 0u; k < end; k += DEPTH) {
    if (i < BLOCKS) {
      move_a(i, row, k, end);
    }
    if (i_b < BLOCKS) {
      move_b(i_b, col, k, end);
    }
    workgroupBarrier();
    // Not from 0: compilers that unroll this loop take seconds over it.
    var at_b = local.x;
    let last = local.y * DEPTH + DEEP;
    for (var at_a = local.y * DEPTH; at_a < last; at_a++) {
      let a0 = four_of_a(at_a);
      let a1 = four_of_a(at_a + SIDE / 2u * DEEP);
      let b0 = four_of_b(at_b);
      let b1 = four_of_b(at_b + T);
      sums.m00 = add_product(sums.m00, a0, b0);
      sums.m01 = add_product(sums.m01, a0, b1);
      sums.m10 = add_product(sums.m10, a1, b0);
      sums.m11 = add_product(sums.m11, a1, b1);
      at_b += SIDE;
    }
    workgroupBarrier();
  }
  return sums;
}
