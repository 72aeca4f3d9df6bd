import { highlight, type Paint } from "./paint.ts";
import { MISS, newRay, type Shape } from "./shapes.ts";

/** How the picture on a cut-out was taken, in the cut-out's frame. */
export interface Photograph {
  /** Viewpoint in metres, before the sheet: z > 0. */
  readonly eye: readonly [number, number, number];
  /** Distance of the subject's axis behind the sheet, away from the eye, in metres. */
  readonly behind: number;
  /** Unit vector towards the light of the picture. */
  readonly light: readonly [number, number, number];
  /** Share of that light that came from everywhere, 0 to 1. */
  readonly ambient: number;
  /** Brightness of the print where the light met the subject straight on, relative to the subject's own reflectance. */
  readonly exposure: number;
  /** Strength of the highlight in the picture. */
  readonly gloss: number;
  /** Turn of the subject about its axis, as cosine and sine. */
  readonly turn: readonly [number, number];
}

/**
 * A photograph of a solid, cut out along its outline and stood upright in the plane z = 0, before the place of the solid.
 *
 * From the photograph's viewpoint it covers the same pixels with the same pattern as the solid; only depth, shadow and shading tell.
 */
export function cutout(subject: Shape, paint: Paint, photograph: Photograph): { shape: Shape; paint: Paint } {
  const [ex, ey, ez] = photograph.eye;
  const [tc, ts] = photograph.turn;
  const { ambient, behind, exposure, gloss } = photograph;
  const seen = new Float64Array(3);
  const normal = new Float64Array(3);

  // Eye and light in the frame of the subject, which stands behind the sheet and is turned.
  const away = Math.sqrt(ex * ex + ez * ez);
  const further = 1 + behind / away;
  const [sx, sz] = [(tc * ex - ts * ez) * further, (ts * ex + tc * ez) * further];
  const [lx, ly, lz] = photograph.light;
  const light = Float64Array.of(0, 0, 0, ts * lz - tc * lx, -ly, -ts * lx - tc * lz);

  // The photographer's ray through a point of the sheet, in the same frame.
  const look = newRay();
  const subjectAt = (x: number, y: number) => {
    const [vx, vy, vz] = [x - ex, y - ey, -ez];
    const length = Math.sqrt(vx * vx + vy * vy + vz * vz);
    look[0] = sx;
    look[1] = ey;
    look[2] = sz;
    look[3] = (tc * vx - ts * vz) / length;
    look[4] = vy / length;
    look[5] = (ts * vx + tc * vz) / length;
    return subject.intersect(look);
  };

  // The cone of sight around the subject's sphere, half angle a, cuts the sheet, which its axis meets at angle p to the normal.
  const drop = ey - subject.centre;
  const distance = Math.sqrt(sx * sx + sz * sz + drop * drop);
  const sinA = subject.radius / distance;
  const cosP = (ez * further) / distance;
  const cosSum = cosP * Math.sqrt(1 - sinA * sinA) - Math.sqrt(Math.max(0, 1 - cosP * cosP)) * sinA;

  return {
    shape: {
      centre: subject.centre + drop * (1 - 1 / further),
      radius: ((distance / further) * sinA) / Math.max(0.1, cosSum),
      front: () => 0,
      intersect(ray) {
        const t = -ray[2] / ray[5];
        if (!(t > 0)) return MISS;
        const y = ray[1] + t * ray[4];
        return y >= 0 && subjectAt(ray[0] + t * ray[3], y) < MISS ? t : MISS;
      },
      normal(_point, out) {
        out[0] = 0;
        out[1] = 0;
        out[2] = 1;
      },
    },
    paint(point, out) {
      const t = subjectAt(point[0], point[1]);
      if (t === MISS) return out.fill(0.8); // by rounding, on the very edge of the paper
      for (let c = 0; c < 3; c++) seen[c] = look[c] + t * look[c + 3];
      paint(seen, out);
      subject.normal(seen, normal);
      const lambert = Math.max(0, -(normal[0] * light[3] + normal[1] * light[4] + normal[2] * light[5]));
      const shade = exposure * (ambient + (1 - ambient) * lambert);
      const glint = lambert > 0 ? gloss * highlight(normal, light, look) : 0;
      for (let c = 0; c < 3; c++) out[c] = Math.min(1, out[c] * shade + glint);
    },
  };
}
