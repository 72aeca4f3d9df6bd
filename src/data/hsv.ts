/** How a colour changes as hue, saturation and value: two factors, and what is added to the value (0..1). */
export interface HsvShift {
  hue: number;
  saturation: number;
  value: number;
}

/**
 * Changes the colour in `pixel` (red, green, blue in 0..1) in place: its hue (0..1 around the circle) and saturation are
 * multiplied, its value is shifted, and each is clipped to 0..1.
 * Source: method.md d.1; Smith 1978, "Color gamut transform pairs".
 */
export function shiftHsv(pixel: Float64Array, shift: HsvShift): void {
  const [r, g, b] = pixel as unknown as [number, number, number];
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  let hue = 0;
  if (range > 0) {
    if (most === r) hue = (g - b) / range + (g < b ? 6 : 0);
    else if (most === g) hue = (b - r) / range + 2;
    else hue = (r - g) / range + 4;
  }
  // In sixths of the circle; clipped as the recipe does it, so that a red that is nearly purple does not become orange.
  hue = Math.min(hue * shift.hue, 6);
  const saturation = most > 0 ? clip((range / most) * shift.saturation) : 0;
  const value = clip(most + shift.value);
  pixel[0] = channel(5, hue, saturation, value);
  pixel[1] = channel(3, hue, saturation, value);
  pixel[2] = channel(1, hue, saturation, value);
}

/** One channel of a colour: a piecewise linear wave of the hue, shifted by `offset` sixths. */
function channel(offset: number, hue: number, saturation: number, value: number): number {
  const turned = offset + hue;
  const k = turned >= 6 ? turned - 6 : turned;
  return value - value * saturation * clip(Math.min(k, 4 - k));
}

function clip(value: number): number {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
