import type { Scene, Surface } from "./scene.ts";
import { MISS, newRay, type Ray } from "./shapes.ts";

/** How far before a point a ray towards it ends, in metres, so that the surface there does not hide itself. */
const OFFSET = 2e-3;

/** What a ray met: `Source.first` says which surface, `describe` fills in the rest. */
export class Hit {
  /** Index of the thing, or -1 for the floor or a wall. */
  thing = -1;
  /** Index of the wall, or -1. */
  wall = -1;
  /** World position in metres. */
  readonly position = new Float64Array(3);
  /** The same in the frame of the thing, or on the floor or wall. */
  readonly local = new Float64Array(3);
  /** Outward unit normal. */
  readonly normal = new Float64Array(3);
  /** Reflectance: linear red, green, blue. */
  readonly colour = new Float64Array(3);
  /** Index of the pixel class. */
  label = 0;
  gloss = 0;
}

/**
 * A point from which rays go out into a scene: the eye, a lamp, a projector.
 *
 * A view has few of them and very many rays, so that whatever depends on the origin alone is worked out once.
 */
export class Source {
  /** The ray in use: set its direction and its reach, or call `aim`. */
  readonly ray: Ray = newRay();
  private readonly scene: Scene;
  /** Each thing's sphere, five numbers: origin less centre, square of the tangent from the origin, radius. */
  private readonly spheres: Float64Array;
  /** Each wall, three numbers: nx, nz, distance of the origin. */
  private readonly planes: Float64Array;
  /** The ray in each thing's own frame. */
  private readonly locals: Ray[];

  constructor(scene: Scene, [x, y, z]: readonly number[]) {
    this.scene = scene;
    this.ray.set([x, y, z]);
    this.spheres = Float64Array.from(
      scene.things.flatMap((thing) => {
        const { centre, radius } = thing.shape;
        const [px, py, pz] = [x - thing.x, y - centre, z - thing.z];
        return [px, py, pz, px * px + py * py + pz * pz - radius * radius, radius];
      }),
    );
    this.planes = Float64Array.from(scene.walls.flatMap(({ nx, nz, offset }) => [nx, nz, nx * x + nz * z + offset]));
    this.locals = scene.things.map((thing) => {
      const [px, pz] = [x - thing.x, z - thing.z];
      return Float64Array.of(thing.cos * px - thing.sin * pz, y, thing.sin * px + thing.cos * pz, 0, 0, 0, 0);
    });
  }

  /** Aims the ray at a point, just short of it; returns the distance in metres. */
  aim(point: Float64Array): number {
    const { ray } = this;
    let squared = 0;
    for (let c = 0; c < 3; c++) {
      ray[c + 3] = point[c] - ray[c];
      squared += ray[c + 3] * ray[c + 3];
    }
    const distance = Math.sqrt(squared);
    for (let c = 3; c < 6; c++) ray[c] /= distance;
    ray[6] = distance - OFFSET;
    return distance;
  }

  /** Index of the first thing within the ray's reach, which is shortened to it, or -1; with `any`, of any such thing. */
  private meet(any: boolean): number {
    const { ray, spheres } = this;
    const dx = ray[3];
    const dy = ray[4];
    const dz = ray[5];
    let found = -1;
    for (let i = 0, at = 0; at < spheres.length; i++, at += 5) {
      const b = spheres[at] * dx + spheres[at + 1] * dy + spheres[at + 2] * dz;
      const c = spheres[at + 3];
      if (b * b < c || (c > 0 && (b > 0 || -b - spheres[at + 4] > ray[6]))) continue;
      const { shape, cos, sin } = this.scene.things[i];
      const local = this.locals[i];
      local[3] = cos * dx - sin * dz;
      local[4] = dy;
      local[5] = sin * dx + cos * dz;
      const t = shape.intersect(local);
      if (t >= ray[6]) continue;
      ray[6] = t;
      found = i;
      if (any) break;
    }
    return found;
  }

  /** Whether a thing stands in the ray's way. */
  blocked(): boolean {
    return this.meet(true) >= 0;
  }

  /** Sends the ray as far as it goes and notes the surface that it meets; false if it leaves the scene. */
  first(hit: Hit): boolean {
    const { ray, planes } = this;
    let reach = ray[4] < 0 ? -ray[1] / ray[4] : MISS;
    hit.wall = -1;
    for (let i = 0, at = 0; at < planes.length; i++, at += 3) {
      const towards = planes[at] * ray[3] + planes[at + 1] * ray[5];
      if (towards >= 0) continue;
      const distance = -planes[at + 2] / towards;
      if (distance >= reach) continue;
      reach = distance;
      hit.wall = i;
    }
    ray[6] = reach;
    hit.thing = this.meet(false);
    return ray[6] < MISS;
  }
}

/** Fills in position, normal, colour, label and gloss of the hit at the end of a ray. */
export function describe(scene: Scene, hit: Hit, ray: Ray): void {
  const { position, local, normal, colour } = hit;
  for (let c = 0; c < 3; c++) position[c] = ray[c] + ray[6] * ray[c + 3];
  const x = position[0];
  const y = position[1];
  const z = position[2];
  if (hit.thing >= 0) {
    const thing = scene.things[hit.thing];
    const { cos, sin } = thing;
    local[0] = cos * (x - thing.x) - sin * (z - thing.z);
    local[1] = y;
    local[2] = sin * (x - thing.x) + cos * (z - thing.z);
    thing.shape.normal(local, normal);
    const nx = normal[0];
    normal[0] = cos * nx + sin * normal[2];
    normal[2] = cos * normal[2] - sin * nx;
    thing.paint(local, colour);
    hit.label = thing.label;
    hit.gloss = thing.gloss;
    return;
  }
  const wall = hit.wall >= 0 ? scene.walls[hit.wall] : null;
  normal[0] = wall ? wall.nx : 0;
  normal[1] = wall ? 0 : 1;
  normal[2] = wall ? wall.nz : 0;
  const surface: Surface = wall ?? scene.floor;
  local[0] = wall ? wall.nz * x - wall.nx * z : x;
  local[1] = wall ? y : z;
  local[2] = 0;
  const on = surface.patch?.inside(local) ? surface.patch : surface;
  on.paint(local, colour);
  hit.label = on.label;
  hit.gloss = 0;
}

/** Share of the light from everywhere that the things and the corners of the room leave to a hit, 0 to 1. */
export function openness(scene: Scene, hit: Hit): number {
  const { position, normal } = hit;
  const x = position[0];
  const y = position[1];
  const z = position[2];
  const { things, walls } = scene;
  let open = 1;
  for (let i = 0; i < things.length; i++) {
    if (i === hit.thing) continue;
    const thing = things[i];
    const vx = thing.x - x;
    const vy = thing.shape.centre - y;
    const vz = thing.z - z;
    const facing = normal[0] * vx + normal[1] * vy + normal[2] * vz;
    if (facing <= 0) continue;
    // A sphere of radius r at distance d in direction v takes (n . v) r^2 / d^2 of a cosine-weighted sky.
    const squared = vx * vx + vy * vy + vz * vz;
    open *= 1 - Math.min(0.9, (facing * thing.bulk) / (squared * Math.sqrt(squared)));
  }
  for (let i = 0; i < walls.length; i++) {
    if (i === hit.wall) continue;
    const near = 4 * (walls[i].nx * x + walls[i].nz * z + walls[i].offset);
    open *= 1 - 0.3 / (1 + near * near);
  }
  if (hit.wall >= 0) open *= 1 - 0.3 / (1 + 16 * y * y);
  return open;
}
