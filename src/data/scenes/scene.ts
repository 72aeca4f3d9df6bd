import type { Paint } from "./paint.ts";
import type { Shape } from "./shapes.ts";

/** Pixel classes, in the order of their indices. Rug and picture are flat: only colour shows them. A cut-out is told by depth. */
export const LABELS = ["floor", "rug", "wall", "picture", "ball", "can", "box", "cone", "ring", "cut-out"] as const;

/** Index of a pixel class. */
export function labelIndex(name: (typeof LABELS)[number]): number {
  return LABELS.indexOf(name);
}

/** A flat patch on the floor or on a wall, without thickness. */
export interface Patch {
  /** Index of the pixel class. */
  readonly label: number;
  /** Whether a point of the surface lies on the patch. */
  inside(point: Float64Array): boolean;
  readonly paint: Paint;
}

/** A plane surface with at most one patch on it; points on it are two coordinates in metres and a zero. */
export interface Surface {
  /** Index of the pixel class. */
  readonly label: number;
  readonly paint: Paint;
  readonly patch?: Patch;
}

/** A vertical wall: the points with nx x + nz z + offset = 0; the unit normal (nx, nz) points into the room. */
export interface Wall extends Surface {
  readonly nx: number;
  readonly nz: number;
  readonly offset: number;
}

/** Something standing on the floor at (x, z), turned about the vertical by the angle with this cosine and sine. */
export interface Thing {
  /** Index of the pixel class. */
  readonly label: number;
  readonly shape: Shape;
  readonly paint: Paint;
  /** Square of the radius of the ball that would hide as much of the sky, in square metres. */
  readonly bulk: number;
  /** Strength of the highlight, 0 for a matt surface. */
  readonly gloss: number;
  readonly x: number;
  readonly z: number;
  readonly cos: number;
  readonly sin: number;
}

/** A pinhole camera; `focal` in units of half the shorter image side. The three axes are orthonormal. */
export interface Camera {
  readonly eye: readonly [number, number, number];
  readonly right: readonly [number, number, number];
  readonly up: readonly [number, number, number];
  readonly forward: readonly [number, number, number];
  readonly focal: number;
}

/** A small lamp and the light that comes from everywhere; both as linear red, green, blue at the main object. */
export interface Light {
  readonly position: readonly [number, number, number];
  readonly lamp: readonly [number, number, number];
  readonly ambient: readonly [number, number, number];
  /** Square of the distance at which the lamp has the strength `lamp`, in square metres. */
  readonly reference: number;
}

/** Everything a view shows: y is up, the floor is y = 0, the main object stands at the origin, the camera looks towards -z; metres. */
export interface Scene {
  /** Index of the class of the main object. */
  readonly target: number;
  readonly camera: Camera;
  readonly light: Light;
  readonly floor: Surface;
  readonly walls: readonly Wall[];
  readonly things: readonly Thing[];
}
