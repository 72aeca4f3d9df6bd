// Own elementary functions: the built-ins differ between adapters, these use only + - * / and bit casts and
// stay within about 1 ulp of the exact value. Needs finite.wgsl. Polynomials: Cephes Math Library (S. L. Moshier), single precision.

// 2^k for k in [-126, 127].
fn exp2i(k: i32) -> f32 {
  return bitcast<f32>(u32(k + 127) << 23u);
}

// e^v; 0 below -103.97, infinity above 88.73, NaN stays NaN.
fn exp_(v: f32) -> f32 {
  if (nonfinite(v)) {
    return select(v, 0.0, bitcast<u32>(v) == 0xff800000u);
  }
  let x = clamp(v, -104.0, 89.0);
  let k = floor(x * 1.44269504088896341 + 0.5);
  let r = (x - k * 0.693359375) + k * 2.12194440e-4;
  var p = 1.9875691500e-4;
  p = p * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  let m = (p * (r * r) + r) + 1.0;
  // Two factors, so that results near both ends of the range do not over- or underflow on the way.
  let half_k = i32(k) / 2;
  return m * exp2i(half_k) * exp2i(i32(k) - half_k);
}

// log(1 + f) for f in [-0.293, 0.4143]: full relative accuracy near 0.
fn log1p_core(f: f32) -> f32 {
  let z = f * f;
  return f + (log_tail(f) * z * f - 0.5 * z);
}

fn log_tail(f: f32) -> f32 {
  var p = 7.0376836292e-2;
  p = p * f - 1.1514610310e-1;
  p = p * f + 1.1676998740e-1;
  p = p * f - 1.2420140846e-1;
  p = p * f + 1.4249322787e-1;
  p = p * f - 1.6668057665e-1;
  p = p * f + 2.0000714765e-1;
  p = p * f - 2.4999993993e-1;
  p = p * f + 3.3333331174e-1;
  return p;
}

// Natural logarithm; -infinity at 0, NaN below, NaN and infinity stay.
fn log_(v: f32) -> f32 {
  let bits = bitcast<u32>(v);
  if ((bits & 0x7fffffffu) == 0u) {
    return bitcast<f32>(bits | 0xff800000u);
  }
  if (bits >= 0x7f800000u) {
    return bitcast<f32>(select(bits, 0x7fc00000u, v < 0.0));
  }
  // Subnormals are scaled into the normal range first.
  let tiny = v < 1.17549435e-38;
  let scaled = bitcast<u32>(select(v, v * 8388608.0, tiny));
  var e = f32(i32(scaled >> 23u) - 126) - select(0.0, 23.0, tiny);
  var m = bitcast<f32>((scaled & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678) {
    m = m + m;
    e = e - 1.0;
  }
  let f = m - 1.0;
  let z = f * f;
  let tail = log_tail(f) * z * f + e * -2.12194440e-4 - 0.5 * z;
  return (f + tail) + e * 0.693359375;
}

fn tanh_(v: f32) -> f32 {
  let a = abs(v);
  if (a < 0.625) {
    let z = v * v;
    var p = -5.70498872745e-3;
    p = p * z + 2.06390887954e-2;
    p = p * z - 5.37397155531e-2;
    p = p * z + 1.33314422036e-1;
    p = p * z - 3.33332819422e-1;
    return p * z * v + v;
  }
  if (nonfinite(v)) {
    return select(v, sign(v), (bitcast<u32>(v) & 0x7fffffffu) == 0x7f800000u);
  }
  let t = 1.0 - 2.0 / (exp_(2.0 * min(a, 20.0)) + 1.0);
  return select(t, -t, v < 0.0);
}

fn sigmoid_(v: f32) -> f32 {
  // The smaller of the two exponentials keeps full relative accuracy on both sides.
  let e = exp_(-abs(v));
  return select(1.0, e, v < 0.0) / (1.0 + e);
}

// log(1 + e^v) without overflow.
fn softplus_(v: f32) -> f32 {
  let e = exp_(-abs(v));
  let l = select(log_(1.0 + e), log1p_core(e), e < 0.41);
  return select(v, 0.0, v < 0.0) + l;
}
