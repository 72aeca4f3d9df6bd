import type { Ray } from "./shapes.ts";
import type { Colour, Texture } from "./textures.ts";

/** Writes the reflectance of a surface point (object frame, metres) into `out`: linear red, green, blue. */
export type Paint = (x: number, y: number, z: number, out: Float64Array) => void;

/** A surface whose texture mixes two colours. */
export function painted(texture: Texture, a: Colour, b: Colour): Paint {
  return (x, y, z, out) => {
    const m = texture(x, y, z);
    for (let c = 0; c < 3; c++) out[c] = a[c] + (b[c] - a[c]) * m;
  };
}

/**
 * Strength of the highlight on a glossy surface, 0 to 1: the 32nd power of the cosine between the normal and the half vector.
 *
 * Source: Blinn, "Models of light reflection for computer synthesized pictures", SIGGRAPH 1977.
 *
 * @param light Unit vector towards the light.
 * @param ray The line of sight, towards the surface.
 */
export function highlight(normal: Float64Array, light: Float64Array, ray: Ray): number {
  const hx = light[0] - ray[3];
  const hy = light[1] - ray[4];
  const hz = light[2] - ray[5];
  const cosine = (normal[0] * hx + normal[1] * hy + normal[2] * hz) / Math.sqrt(hx * hx + hy * hy + hz * hz);
  let power = Math.max(0, cosine);
  for (let i = 0; i < 5; i++) power *= power;
  return power;
}
