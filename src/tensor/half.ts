const bits32 = new Uint32Array(1);
const float32 = new Float32Array(bits32.buffer);

/** The bits of the half-precision number nearest to a value as f32, ties to even; what is too large becomes infinite. */
export function toHalf(value: number): number {
  float32[0] = value;
  const bits = bits32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From halfway between the largest half (65504) and 65536 on.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  const normal = magnitude >= 0x38800000;
  // Below the normal halves the step is 2^-24 everywhere, as between normal floats from 0.5 to 1.
  if (!normal) {
    float32[0] = Math.abs(value) + 0.5;
    return sign | (bits32[0]! - 0x3f000000);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1) - 0x38000000;
  return sign | (rounded >>> 13);
}

/** The value of a half-precision number, from its bits. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}
