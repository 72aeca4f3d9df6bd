// Data that every engine gets alike: element i of stream `seed` is a pure function of both, so no data files are needed.

/** A mixer of 32-bit integers: two rounds of multiply and xorshift. */
function mix(value) {
  let x = value ^ (value >>> 16);
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** `n` values uniform in [offset - scale, offset + scale). */
export function uniform(seed, n, scale = 1, offset = 0) {
  const base = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return Float32Array.from({ length: n }, (_, i) => ((mix((base + i) >>> 0) / 4294967296) * 2 - 1) * scale + offset);
}

/** The number of elements of a shape. */
export const sizeOf = (shape) => shape.reduce((product, extent) => product * extent, 1);

/** A dense row-major array with its axes in another order: result axis k is source axis order[k]. */
export function permute(source, shape, order) {
  const rank = shape.length;
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const extents = order.map((axis) => shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  const result = new source.constructor(source.length);
  const index = new Array(rank).fill(0);
  let at = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = source[at];
    for (let axis = rank - 1; axis >= 0; axis--) {
      at += steps[axis];
      if (++index[axis] < extents[axis]) break;
      at -= steps[axis] * extents[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/** Images and filters between the layouts of PyTorch (NCHW, OIHW: how cases and references are given) and NHWC, HWIO. */
export const nchwToNhwc = (x, shape) => permute(x, shape, [0, 2, 3, 1]);
export const nhwcToNchw = (x, [n, c, h, w]) => permute(x, [n, h, w, c], [0, 3, 1, 2]);
export const oihwToHwio = (x, shape) => permute(x, shape, [2, 3, 1, 0]);
export const hwioToOihw = (x, [o, i, h, w]) => permute(x, [h, w, i, o], [3, 2, 0, 1]);
