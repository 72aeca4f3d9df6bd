import { cos, sin } from "../../tensor/math.ts";
import type { Rng } from "../../tensor/rng.ts";

/** A pattern in space: a value in [0, 1] that mixes two colours, at a point (three numbers, object frame, metres). */
export type Texture = (point: Float64Array) => number;

/** Linear red, green and blue in [0, 1]. */
export type Colour = readonly [number, number, number];

/** A number in [0, 1) that depends on three integers. Source: the finaliser of MurmurHash3 (Appleby). */
function hash(x: number, y: number, z: number): number {
  let h = Math.imul(x, 0x8da6b343) ^ Math.imul(y, 0xd8163841) ^ Math.imul(z, 0xcb1ab31f);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Value noise in the grid plane z: random numbers on the integer grid, interpolated by fx and fy. */
function noiseInPlane(ix: number, iy: number, iz: number, fx: number, fy: number): number {
  const a = hash(ix, iy, iz);
  const b = hash(ix, iy + 1, iz);
  const low = a + (hash(ix + 1, iy, iz) - a) * fx;
  const high = b + (hash(ix + 1, iy + 1, iz) - b) * fx;
  return low + (high - low) * fy;
}

/** Value noise: random numbers on the integer grid, smoothly interpolated; in [0, 1). */
function noise(x: number, y: number, z: number): number {
  const ix = Math.floor(x);
  const iy = Math.floor(y);
  const iz = Math.floor(z);
  const [rx, ry, rz] = [x - ix, y - iy, z - iz];
  const fx = rx * rx * (3 - 2 * rx);
  const fy = ry * ry * (3 - 2 * ry);
  const near = noiseInPlane(ix, iy, iz, fx, fy);
  if (rz === 0) return near; // floors and walls have no third coordinate
  return near + (noiseInPlane(ix, iy, iz + 1, fx, fy) - near) * rz * rz * (3 - 2 * rz);
}

/** Almost one colour, with a soft blotchy grain. */
export function plain(rng: Rng): Texture {
  const scale = rng.uniform(6, 14);
  const strength = rng.uniform(0.05, 0.3);
  return (p) => strength * noise(scale * p[0], scale * p[1], scale * p[2]);
}

/** Bands of nearly equal width across a random direction, steep enough that several show from every side. */
export function striped(rng: Rng, period: number): Texture {
  const angle = rng.uniform(0.6, Math.PI - 0.6);
  const [kx, ky, kz] = [cos(angle) / period, sin(angle) / period, rng.uniform(-0.3, 0.3) / period];
  const phase = rng.uniform();
  const share = rng.uniform(0.42, 0.58);
  return (p) => {
    const u = kx * p[0] + ky * p[1] + kz * p[2] + phase;
    return u - Math.floor(u) < share ? 0 : 1;
  };
}

/** Balls of the second colour on a body-centred cubic lattice, turned at random: on a surface, spots of varied size. */
export function spotted(rng: Rng, period: number): Texture {
  const angle = rng.uniform(0, 2 * Math.PI);
  const tilt = rng.uniform(0.3, 1.2);
  const [ca, sa, ct, st] = [cos(angle) / period, sin(angle) / period, cos(tilt), sin(tilt)];
  const [px, py, pz] = [rng.uniform(), rng.uniform(), rng.uniform()];
  const limit = rng.uniform(0.34, 0.4);
  const squared = limit * limit;
  const near = (u: number, v: number, w: number) => {
    const du = u - Math.floor(u) - 0.5;
    const dv = v - Math.floor(v) - 0.5;
    const dw = w - Math.floor(w) - 0.5;
    return du * du + dv * dv + dw * dw < squared;
  };
  return (p) => {
    const turned = ca * p[2] - sa * p[0];
    const u = ca * p[0] + sa * p[2] + px;
    const v = (ct * p[1]) / period - st * turned + py;
    const w = (st * p[1]) / period + ct * turned + pz;
    return near(u, v, w) || near(u + 0.5, v + 0.5, w + 0.5) ? 1 : 0;
  };
}

/** Cubes of alternating colour. */
export function checked(rng: Rng, period: number): Texture {
  const [px, py, pz] = [rng.uniform(), rng.uniform(), rng.uniform()];
  const k = 2 / period;
  return (p) => (Math.floor(k * p[0] + px) + Math.floor(k * p[1] + py) + Math.floor(k * p[2] + pz)) & 1;
}

/** Veins, as in marble. */
export function marbled(rng: Rng, period: number): Texture {
  const angle = rng.uniform(0, Math.PI);
  const [kx, ky] = [cos(angle), sin(angle)];
  const offset = rng.uniform(0, 100);
  return (p) => {
    const [u, v, w] = [p[0] / period + offset, p[1] / period, p[2] / period];
    const bent = kx * u + ky * v + 2 * noise(2 * u, 2 * v, 2 * w) + noise(4 * u, 4 * v, 4 * w);
    return Math.abs(2 * (bent - Math.floor(bent)) - 1);
  };
}

/** Boards side by side, each of its own shade, with dark gaps; the third coordinate is not used. */
export function planks(rng: Rng, width: number): Texture {
  const angle = rng.uniform(-0.5, 0.5) + (rng.bernoulli(0.5) ? Math.PI / 2 : 0);
  const [ca, sa] = [cos(angle) / width, sin(angle) / width];
  const length = rng.uniform(6, 10);
  return (p) => {
    const across = ca * p[0] + sa * p[1];
    const row = Math.floor(across);
    const along = (ca * p[1] - sa * p[0]) / length + 0.37 * row;
    if (across - row < 0.06) return 1;
    return 0.7 * hash(row, Math.floor(along), 7);
  };
}

/** A wall of staggered bricks with pale joints; the third coordinate is not used. */
export function bricks(_rng: Rng, width: number): Texture {
  const height = width * 0.45;
  return (p) => {
    const v = p[1] / height;
    const row = Math.floor(v);
    const u = p[0] / width + 0.5 * (row & 1);
    const column = Math.floor(u);
    if (v - row < 0.14 || u - column < 0.07) return 1;
    return 0.45 * hash(column, row, 3);
  };
}

/** Hues from red at 0 over yellow, green, cyan, blue and magenta back to red at 6. */
export type Hues = readonly [number, number];

/** A random colour with the given ranges of saturation and of value (both 0 to 1), and of hue; any hue by default. */
export function colour(
  rng: Rng,
  saturation: readonly [number, number],
  value: readonly [number, number],
  hues: Hues = [0, 6],
): Colour {
  const hue = rng.uniform(hues[0], hues[1]) % 6;
  const v = rng.uniform(...value);
  const s = rng.uniform(...saturation);
  const channel = (shift: number) => {
    const k = (shift + hue) % 6;
    const encoded = v * (1 - s * Math.max(0, Math.min(k, 4 - k, 1)));
    return encoded * encoded;
  };
  return [channel(5), channel(3), channel(1)];
}
