/**
 * Elementary functions in float64 that give the same bits in every JavaScript engine.
 *
 * ECMAScript leaves `Math.sin`, `Math.exp`, `Math.pow` and `**` to the engine. These use only `+ - * /`, `Math.floor`, `Math.abs`, bit
 * operations and `Math.sqrt`, which every engine maps to the correctly rounded IEEE 754 operation.
 */

// Cody-Waite splits: the leading parts have trailing zero bits, so that a small integer times them is exact.
const HALF_PI = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

/** Degree of the Taylor polynomials; the first term left out is below 2^-53 on each reduced range. */
const EXP_DEGREE = 14;
const SIN_DEGREE = 17;
const LOG_DEGREE = 23;
const ATAN_DEGREE = 23;

const cell = new DataView(new ArrayBuffer(8));

/** 2^exponent, exactly, for a normal result: -1022 <= exponent <= 1023. */
function powerOfTwo(exponent: number): number {
  cell.setUint32(0, (exponent + 1023) << 20);
  cell.setUint32(4, 0);
  return cell.getFloat64(0);
}

/** e^r - 1 for |r| <= 0.35, accurate near zero. */
function expm1Small(r: number): number {
  let sum = 1;
  for (let n = EXP_DEGREE; n > 1; n--) sum = 1 + (r / n) * sum;
  return r * sum;
}

/**
 * e^x.
 *
 * Source: Cody and Waite, Software Manual for the Elementary Functions (1980): x = k ln 2 + r, then a polynomial in r.
 */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.79) return Infinity;
  if (x < -745.14) return 0;
  const k = Math.floor(x / Math.LN2 + 0.5);
  const value = 1 + expm1Small(x - k * LN2_HIGH - k * LN2_LOW);
  // Two factors, because 2^k alone leaves the range of normal numbers at either end.
  const half = Math.floor(k / 2);
  return value * powerOfTwo(half) * powerOfTwo(k - half);
}

/**
 * Natural logarithm of x; NaN for x < 0, -Infinity for 0.
 *
 * Source: Cody and Waite (1980): x = 2^k m, then log m = 2 artanh((m - 1) / (m + 1)).
 */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return x;
  const subnormal = x < 2.2250738585072014e-308;
  cell.setFloat64(0, subnormal ? x * 18014398509481984 : x); // 2^54
  const high = cell.getUint32(0);
  let k = (high >>> 20) - 1023 - (subnormal ? 54 : 0);
  cell.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = cell.getFloat64(0);
  if (m > Math.SQRT2) {
    m /= 2;
    k += 1;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let n = LOG_DEGREE; n > 1; n -= 2) sum = square * (1 / n + sum);
  return k * LN2_HIGH + (2 * s * sum + k * LN2_LOW + 2 * s);
}

/** Sine of r for |r| <= pi/4. */
function sinSmall(r: number): number {
  const square = r * r;
  let sum = 1;
  for (let n = SIN_DEGREE; n > 1; n -= 2) sum = 1 - (square / (n * (n - 1))) * sum;
  return r * sum;
}

/** Cosine of r for |r| <= pi/4. */
function cosSmall(r: number): number {
  const square = r * r;
  let sum = 1;
  for (let n = SIN_DEGREE + 1; n > 0; n -= 2) sum = 1 - (square / (n * (n - 1))) * sum;
  return sum;
}

/** sin(x + quarters * pi/2). */
function sinShifted(x: number, quarters: number): number {
  const k = Math.floor(x / HALF_PI[0] + 0.5);
  const r = x - k * HALF_PI[0] - k * HALF_PI[1] - k * HALF_PI[2];
  const quadrant = (((k + quarters) % 4) + 4) % 4;
  const value = quadrant % 2 === 0 ? sinSmall(r) : cosSmall(r);
  return quadrant < 2 ? value : -value;
}

/** Sine of x in radians; accurate for |x| < 10^6, reproducible but less accurate beyond. */
export function sin(x: number): number {
  return sinShifted(x, 0);
}

/** Cosine of x in radians; accurate for |x| < 10^6, reproducible but less accurate beyond. */
export function cos(x: number): number {
  return sinShifted(x, 1);
}

/** x^n for a small integer n >= 0, by squaring. */
function integerPower(x: number, n: number): number {
  let result = 1;
  for (let square = x; n > 0; n >>= 1, square *= square) if (n & 1) result *= square;
  return result;
}

/**
 * x^y; integer powers up to 64 by multiplication, so that small ones are exact; NaN for x < 0 with a fractional y.
 */
export function pow(x: number, y: number): number {
  const integer = Math.floor(y) === y;
  if (integer && Math.abs(y) <= 64) return y < 0 ? 1 / integerPower(x, -y) : integerPower(x, y);
  if (x < 0 && !integer) return NaN;
  const magnitude = exp(y * log(Math.abs(x)));
  return x < 0 && y % 2 !== 0 ? -magnitude : magnitude;
}

/** Hyperbolic tangent of x. */
export function tanh(x: number): number {
  const size = Math.abs(x);
  if (size < 0.17) {
    const e = expm1Small(2 * x);
    return e / (e + 2);
  }
  const value = 1 - 2 / (exp(2 * size) + 1);
  return x < 0 ? -value : value;
}

/** Arc tangent of t for 0 <= t <= 1. */
function atanUnit(t: number): number {
  // atan t = 2 atan(t / (1 + sqrt(1 + t^2))), twice: t falls below tan(pi/16).
  let u = t / (1 + Math.sqrt(1 + t * t));
  u = u / (1 + Math.sqrt(1 + u * u));
  const square = u * u;
  let sum = 0;
  for (let n = ATAN_DEGREE; n > 1; n -= 2) sum = square * (1 / n - sum);
  return 4 * (u - u * sum);
}

/** Angle of the point (x, y) in radians, in [-pi, pi]; 0 for the origin. */
export function atan2(y: number, x: number): number {
  const ax = Math.abs(x);
  const ay = Math.abs(y);
  if (ax === 0 && ay === 0) return 0;
  let angle = ay <= ax ? atanUnit(ay / ax) : Math.PI / 2 - atanUnit(ax / ay);
  if (x < 0) angle = Math.PI - angle;
  return y < 0 ? -angle : angle;
}
