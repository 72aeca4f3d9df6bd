// What every case must give, in float64 and straight from the definitions. Large outputs are checked at sampled positions.
import { sizeOf, uniform } from "./data.mjs";

const SAMPLES = 1000;

/** Expected values at some positions of an output. */
function expected(shape, valueAt, count = SAMPLES) {
  const n = sizeOf(shape);
  const all = Array.from({ length: Math.min(n, count) }, (_, i) => i);
  const sampled = [0, n - 1, ...uniform(777, count, 0.5, 0.5)].map((v, i) => (i < 2 ? v : Math.floor(v * n)));
  const positions = n <= count ? all : [...new Set(sampled)];
  return { positions, values: Float64Array.from(positions, (at) => valueAt(...indices(at, shape))) };
}

function indices(at, shape) {
  let rest = at;
  return shape
    .map((_, axis) => {
      const extent = shape[shape.length - 1 - axis];
      const index = rest % extent;
      rest = (rest - index) / extent;
      return index;
    })
    .reverse();
}

/** The sum of a function over 0..a-1 × 0..b-1 × 0..c-1. */
function sum3(a, b, c, term) {
  let total = 0;
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) total += term(i, j, k);
  return total;
}

const matmul = ({ n }, { a, b }) => ({
  y: expected([n, n], (row, col) => sum3(1, 1, n, (_i, _j, k) => a[row * n + k] * b[k * n + col])),
});

function convolution({ kind, conv }, data) {
  const { N, C, H, K, k, s, p, O, X, W, Y } = conv;
  const inside = (i, extent) => i >= 0 && i < extent;
  const at =
    (values, [, c, h, w]) =>
    (n, ch, y, x) =>
      inside(y, h) && inside(x, w) ? values[((n * c + ch) * h + y) * w + x] : 0;
  const [x, w, dy] = [at(data.x, X), at(data.w, W), at(data.dy, Y)];
  if (kind === "conv") {
    return {
      y: expected(Y, (n, f, oy, ox) =>
        sum3(C, k, k, (c, u, v) => x(n, c, oy * s + u - p, ox * s + v - p) * w(f, c, u, v)),
      ),
    };
  }
  if (kind === "convDx") {
    // Only taps that hit a whole output position contribute.
    const tap = (n, f, y, x) => (y % s || x % s ? 0 : dy(n, f, y / s, x / s));
    return {
      dx: expected(X, (n, c, iy, ix) => sum3(K, k, k, (f, u, v) => tap(n, f, iy + p - u, ix + p - v) * w(f, c, u, v))),
    };
  }
  const term = (f, c, u, v) => sum3(N, O, O, (n, oy, ox) => x(n, c, oy * s + u - p, ox * s + v - p) * dy(n, f, oy, ox));
  return { dw: expected([K, C, k, k], term, H > 30 ? 300 : SAMPLES) };
}

function batchNorm({ shape, eps }, { x, dy, gamma, beta }) {
  const [n, channels, h, w] = shape;
  const [pixels, count] = [h * w, n * h * w];
  const sums = (term) =>
    Float64Array.from({ length: channels }, (_, c) =>
      sum3(1, n, pixels, (_i, image, pixel) => term((image * channels + c) * pixels + pixel, c)),
    );
  const mean = sums((i) => x[i] / count);
  const variance = sums((i, c) => (x[i] - mean[c]) ** 2 / count);
  const normal = (i, c) => (x[i] - mean[c]) / Math.sqrt(variance[c] + eps);
  const dbeta = sums((i) => dy[i]);
  const dgamma = sums((i, c) => dy[i] * normal(i, c));
  const at = (image, c, y, x) => ((image * channels + c) * h + y) * w + x;
  const forward = (image, c, row, column) => gamma[c] * normal(at(image, c, row, column), c) + beta[c];
  const backward = (image, c, row, column) => {
    const i = at(image, c, row, column);
    const centred = dy[i] - dbeta[c] / count - (normal(i, c) * dgamma[c]) / count;
    return (gamma[c] / Math.sqrt(variance[c] + eps)) * centred;
  };
  return {
    y: expected(shape, forward),
    dx: expected(shape, backward),
    dgamma: expected([channels], (c) => dgamma[c]),
    dbeta: expected([channels], (c) => dbeta[c]),
  };
}

/** Biased squared MMD with five Gaussian kernels; the bandwidth is taken as a constant by the gradient. */
function mmd({ n, d }, { x, y }) {
  const rows = 2 * n;
  const element = (row, k) => (row < n ? x[row * d + k] : y[(row - n) * d + k]);
  const distances = Float64Array.from({ length: rows * rows }, (_, pair) => {
    const [i, j] = [Math.floor(pair / rows), pair % rows];
    return sum3(1, 1, d, (_i, _j, k) => (element(i, k) - element(j, k)) ** 2);
  });
  const bandwidth = distances.reduce((a, b) => a + b) / (rows * rows - rows) / 4;
  const widths = [1, 2, 4, 8, 16].map((factor) => factor * bandwidth);
  const sign = (i, j) => (i < n === j < n ? 1 : -1) / (n * n);
  const kernel = (distance) => widths.reduce((total, width) => total + Math.exp(-distance / width), 0);
  const slope = (distance) => widths.reduce((total, width) => total - Math.exp(-distance / width) / width, 0);
  const loss = sum3(1, rows, rows, (_i, i, j) => sign(i, j) * kernel(distances[i * rows + j]));
  // Each pair is counted twice, and each distance grows by 2(a - b) for its first row.
  const pull = Float64Array.from(
    distances,
    (distance, pair) => 4 * sign(Math.floor(pair / rows), pair % rows) * slope(distance),
  );
  const gradient = (row, k) =>
    sum3(1, 1, rows, (_i, _j, j) => pull[row * rows + j] * (element(row, k) - element(j, k)));
  return {
    loss: expected([1], () => loss),
    dx: expected([n, d], (row, k) => gradient(row, k)),
    dy: expected([n, d], (row, k) => gradient(n + row, k)),
  };
}

/** The expected outputs of a case by name; null for whole steps, which have their losses. */
export function reference(c, data) {
  const kinds = { matmul, conv: convolution, convDx: convolution, convDw: convolution, batchNorm, mmd };
  return kinds[c.kind]?.(c, data) ?? null;
}

/** The largest error of any output, relative to the root mean square of what was expected; NaN where an output is missing. */
export function errorOf(reference, outputs) {
  const errors = Object.entries(reference).map(([name, { positions, values }]) => {
    const differences = positions.map((at, i) => Math.abs(values[i] - (outputs[name]?.[at] ?? Number.NaN)));
    return Math.max(...differences) / rms(values);
  });
  return Math.max(...errors);
}

/** The largest difference of two engines' outputs, relative to the root mean square of the first. */
export function differenceOf(a, b) {
  const errors = Object.keys(a).map((name) => {
    let worst = 0;
    for (let i = 0; i < a[name].length; i++) worst = Math.max(worst, Math.abs(a[name][i] - b[name][i]));
    return worst / rms(a[name]);
  });
  return Math.max(...errors);
}

function rms(values) {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum / values.length) || 1;
}
