import type { Ray } from "./shapes.ts";
import type { Colour, Texture } from "./textures.ts";

/** Writes the reflectance of the surface at a point (three numbers, object frame, metres) into `out`: linear red, green, blue. */
export type Paint = (point: Float64Array, out: Float64Array) => void;

/** A surface whose texture mixes two colours. */
export function painted(texture: Texture, a: Colour, b: Colour): Paint {
  return (point, out) => {
    const m = texture(point);
    for (let c = 0; c < 3; c++) out[c] = a[c] + (b[c] - a[c]) * m;
  };
}

/**
 * Strength of the highlight on a glossy surface, 0 to 1: the 32nd power of the cosine between the normal and the half vector.
 *
 * Source: Blinn, "Models of light reflection for computer synthesized pictures", SIGGRAPH 1977.
 *
 * @param light Ray from the light to the surface.
 * @param sight Ray from the eye to the surface.
 */
export function highlight(normal: Float64Array, light: Ray, sight: Ray): number {
  const hx = light[3] + sight[3];
  const hy = light[4] + sight[4];
  const hz = light[5] + sight[5];
  const cosine = -(normal[0] * hx + normal[1] * hy + normal[2] * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
  let power = Math.max(0, cosine);
  for (let i = 0; i < 5; i++) power *= power;
  return power;
}
