/** Distance along a ray that misses. */
export const MISS = Infinity;

/**
 * A ray: origin (3 numbers), unit direction (3), and the farthest distance of interest (1), in metres.
 *
 * It is passed as one typed array because engines allocate every float that crosses a call which they do not inline.
 */
export type Ray = Float64Array;

/** An unset ray. */
export function newRay(): Ray {
  return new Float64Array(7);
}

/**
 * A solid standing upright on the ground at the origin of its own frame: y up, metres.
 *
 * Rays come from outside and from above the ground, so that no shape needs a bottom.
 */
export interface Shape {
  /** Height of the centre of a sphere around the shape. */
  readonly centre: number;
  /** Radius of that sphere. */
  readonly radius: number;
  /** How far before the axis the shape seems to touch the ground, seen from above under a line of this slope. */
  front(slope: number): number;
  /** Distance along the ray to the first point of the shape, or MISS; the ray's reach is not looked at. */
  intersect(ray: Ray): number;
  /** Writes the outward unit normal at a point of the surface (three numbers) into `out`. */
  normal(point: Float64Array, out: Float64Array): void;
}

function set(out: Float64Array, x: number, y: number, z: number): void {
  out[0] = x;
  out[1] = y;
  out[2] = z;
}

/** A sphere of the given radius lying on the ground. */
export function ball(radius: number): Shape {
  return {
    centre: radius,
    radius,
    // The line touches the sphere from below; both it and the ground are tangents, which meet at this distance.
    front: (slope) => (slope > 0 ? (radius * (Math.sqrt(1 + slope * slope) - 1)) / slope : 0),
    intersect(ray) {
      const ox = ray[0];
      const oy = ray[1];
      const oz = ray[2];
      const dx = ray[3];
      const dy = ray[4];
      const dz = ray[5];
      const y = oy - radius;
      const b = ox * dx + y * dy + oz * dz;
      const root = b * b - (ox * ox + y * y + oz * oz - radius * radius);
      if (root < 0) return MISS;
      const t = -b - Math.sqrt(root);
      return t > 0 ? t : MISS;
    },
    normal: (p, out) => set(out, p[0] / radius, (p[1] - radius) / radius, p[2] / radius),
  };
}

/** An upright cylinder with a flat top. */
export function can(radius: number, height: number): Shape {
  return {
    centre: height / 2,
    radius: Math.sqrt(radius * radius + (height * height) / 4),
    front: () => radius,
    intersect(ray) {
      const ox = ray[0];
      const oy = ray[1];
      const oz = ray[2];
      const dx = ray[3];
      const dy = ray[4];
      const dz = ray[5];
      const a = dx * dx + dz * dz;
      const b = ox * dx + oz * dz;
      const root = b * b - a * (ox * ox + oz * oz - radius * radius);
      if (root < 0) return MISS;
      const side = (-b - Math.sqrt(root)) / a;
      const y = oy + side * dy;
      if (side > 0 && y >= 0 && y <= height) return side;
      if (oy <= height || dy >= 0) return MISS;
      const top = (height - oy) / dy;
      const x = ox + top * dx;
      const z = oz + top * dz;
      return x * x + z * z <= radius * radius ? top : MISS;
    },
    normal(p, out) {
      if (p[1] > height - 1e-6) set(out, 0, 1, 0);
      else set(out, p[0] / radius, 0, p[2] / radius);
    },
  };
}

/** An upright cone. */
export function cone(radius: number, height: number): Shape {
  const k = radius / height;
  const slant = Math.sqrt(1 + k * k);
  return {
    centre: height / 2,
    radius: Math.sqrt(radius * radius + (height * height) / 4),
    front: () => radius,
    intersect(ray) {
      const ox = ray[0];
      const oy = ray[1];
      const oz = ray[2];
      const dx = ray[3];
      const dy = ray[4];
      const dz = ray[5];
      const above = oy - height;
      const a = dx * dx + dz * dz - k * k * dy * dy;
      const b = ox * dx + oz * dz - k * k * above * dy;
      const root = b * b - a * (ox * ox + oz * oz - k * k * above * above);
      if (root < 0 || a === 0) return MISS;
      const half = Math.sqrt(root);
      // The equation also holds on the mirrored cone above the tip, so that either root may be the one.
      let nearest = MISS;
      for (const t of [(-b - half) / a, (-b + half) / a]) {
        const y = oy + t * dy;
        if (t > 0 && t < nearest && y >= 0 && y <= height) nearest = t;
      }
      return nearest;
    },
    normal(p, out) {
      const across = Math.sqrt(p[0] * p[0] + p[2] * p[2]) * slant || 1;
      set(out, p[0] / across, k / slant, p[2] / across);
    },
  };
}

/** A box of the given full width (x), height (y) and depth (z). */
export function box(width: number, height: number, depth: number): Shape {
  const [a, c] = [width / 2, depth / 2];
  return {
    centre: height / 2,
    radius: Math.sqrt(a * a + c * c + (height * height) / 4),
    front: () => Math.min(a, c),
    intersect(ray) {
      const ox = ray[0];
      const oy = ray[1];
      const oz = ray[2];
      const dx = ray[3];
      const dy = ray[4];
      const dz = ray[5];
      let enter = 0;
      let leave = MISS;
      const x0 = (-a - ox) / dx;
      const x1 = (a - ox) / dx;
      const y0 = -oy / dy;
      const y1 = (height - oy) / dy;
      const z0 = (-c - oz) / dz;
      const z1 = (c - oz) / dz;
      enter = Math.max(Math.min(x0, x1), Math.min(y0, y1), Math.min(z0, z1));
      leave = Math.min(Math.max(x0, x1), Math.max(y0, y1), Math.max(z0, z1));
      return enter > 0 && enter <= leave ? enter : MISS;
    },
    normal(p, out) {
      const [nx, ny, nz] = [p[0] / a, (p[1] - height / 2) / (height / 2), p[2] / c];
      const [ax, ay, az] = [Math.abs(nx), Math.abs(ny), Math.abs(nz)];
      if (ay >= ax && ay >= az) set(out, 0, ny > 0 ? 1 : -1, 0);
      else if (ax >= az) set(out, nx > 0 ? 1 : -1, 0, 0);
      else set(out, 0, 0, nz > 0 ? 1 : -1);
    },
  };
}

const MARCH_STEPS = 64;
const MARCH_PRECISION = 1e-4;

/**
 * A torus standing on its rim, its hole facing z; found by sphere tracing to a tenth of a millimetre.
 *
 * Source: Hart, "Sphere tracing", The Visual Computer 12 (1996).
 */
export function ring(major: number, minor: number): Shape {
  const centre = major + minor;
  return {
    centre,
    radius: centre,
    front: () => minor,
    intersect(ray) {
      const ox = ray[0];
      const oy = ray[1];
      const oz = ray[2];
      const dx = ray[3];
      const dy = ray[4];
      const dz = ray[5];
      const up = oy - centre;
      const b = ox * dx + up * dy + oz * dz;
      const root = b * b - (ox * ox + up * up + oz * oz - centre * centre);
      if (root < 0) return MISS;
      const leave = -b + Math.sqrt(root);
      let t = Math.max(0, -b - Math.sqrt(root));
      for (let step = 0; step < MARCH_STEPS && t < leave; step++) {
        const x = ox + t * dx;
        const y = up + t * dy;
        const z = oz + t * dz;
        const around = Math.sqrt(x * x + y * y) - major;
        const distance = Math.sqrt(around * around + z * z) - minor;
        if (distance < MARCH_PRECISION) return t > 0 ? t : MISS;
        t += distance;
      }
      return MISS;
    },
    normal(p, out) {
      const x = p[0];
      const up = p[1] - centre;
      const z = p[2];
      const spoke = Math.sqrt(x * x + up * up) || 1;
      const shrink = 1 - major / spoke;
      const length = Math.sqrt(x * x * shrink * shrink + up * up * shrink * shrink + z * z) || 1;
      set(out, (x * shrink) / length, (up * shrink) / length, z / length);
    },
  };
}
