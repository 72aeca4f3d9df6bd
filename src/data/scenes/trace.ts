import type { Scene, Surface } from "./scene.ts";
import { newRay, type Ray } from "./shapes.ts";

/** Distance by which rays start off a surface, in metres, so that they do not meet it again. */
const OFFSET = 2e-3;

/** What a ray met: written by `Tracer.nearest`, completed by `Tracer.surface`. */
export class Hit {
  /** Index of the thing, or -1 for the floor or a wall. */
  thing = -1;
  /** Index of the wall, or -1. */
  wall = -1;
  /** World position, then unit normal. */
  readonly position = new Float64Array(3);
  readonly normal = new Float64Array(3);
  /** Reflectance: linear red, green, blue. */
  readonly colour = new Float64Array(3);
  /** Index into the pixel classes, 255 for a miss. */
  label = 255;
  gloss = 0;
}

/** Finds what rays meet in one scene. */
export class Tracer {
  private readonly scene: Scene;
  /** Sphere around each thing: centre and radius. Flat, because every ray tests them all. */
  private readonly spheres: Float64Array;
  /** Each wall's nx, nz and offset. */
  private readonly planes: Float64Array;
  private readonly local = newRay();
  private readonly toPoint = newRay();

  constructor(scene: Scene) {
    this.scene = scene;
    this.spheres = Float64Array.from(scene.things.flatMap(({ x, z, shape }) => [x, shape.centre, z, shape.radius]));
    this.planes = Float64Array.from(scene.walls.flatMap(({ nx, nz, offset }) => [nx, nz, offset]));
  }

  /** Index of the first thing that a ray meets within its reach, which is shortened to it, or -1; any thing will do if `any`. */
  private meet(ray: Ray, any: boolean): number {
    const { spheres } = this;
    const ox = ray[0];
    const oy = ray[1];
    const oz = ray[2];
    const dx = ray[3];
    const dy = ray[4];
    const dz = ray[5];
    let found = -1;
    for (let i = 0; i < spheres.length; i += 4) {
      const px = ox - spheres[i];
      const py = oy - spheres[i + 1];
      const pz = oz - spheres[i + 2];
      const radius = spheres[i + 3];
      const b = px * dx + py * dy + pz * dz;
      const c = px * px + py * py + pz * pz - radius * radius;
      if (b * b < c || (c > 0 && (b > 0 || -b - radius > ray[6]))) continue;
      const { shape, cos, sin } = this.scene.things[i >> 2];
      const { local } = this;
      local[0] = cos * px - sin * pz;
      local[1] = oy;
      local[2] = sin * px + cos * pz;
      local[3] = cos * dx - sin * dz;
      local[4] = dy;
      local[5] = sin * dx + cos * dz;
      const t = shape.intersect(local);
      if (t >= ray[6]) continue;
      ray[6] = t;
      found = i >> 2;
      if (any) return found;
    }
    return found;
  }

  /** Shortens the ray to the first surface within its reach; sets `thing` and `wall` of the hit. */
  nearest(hit: Hit, ray: Ray): void {
    const { planes } = this;
    let reach = ray[4] < 0 ? Math.min(ray[6], -ray[1] / ray[4]) : ray[6];
    hit.wall = -1;
    for (let i = 0; i < planes.length; i += 3) {
      const towards = planes[i] * ray[3] + planes[i + 1] * ray[5];
      if (towards >= 0) continue;
      const distance = -(planes[i] * ray[0] + planes[i + 1] * ray[2] + planes[i + 2]) / towards;
      if (distance >= reach) continue;
      reach = distance;
      hit.wall = i / 3;
    }
    ray[6] = reach;
    hit.thing = this.meet(ray, false);
  }

  /** Fills in position, normal, colour, label and gloss of a hit found by `nearest`, where the ray now ends. */
  surface(hit: Hit, ray: Ray): void {
    const { position } = hit;
    for (let c = 0; c < 3; c++) position[c] = ray[c] + ray[6] * ray[c + 3];
    const x = position[0];
    const y = position[1];
    const z = position[2];
    const { normal, colour } = hit;
    if (hit.thing >= 0) {
      const thing = this.scene.things[hit.thing];
      const { cos, sin } = thing;
      const lx = cos * (x - thing.x) - sin * (z - thing.z);
      const lz = sin * (x - thing.x) + cos * (z - thing.z);
      thing.shape.normal(lx, y, lz, normal);
      const nx = normal[0];
      normal[0] = cos * nx + sin * normal[2];
      normal[2] = cos * normal[2] - sin * nx;
      thing.paint(lx, y, lz, colour);
      hit.label = thing.label;
      hit.gloss = thing.gloss;
      return;
    }
    hit.gloss = 0;
    const wall = hit.wall >= 0 ? this.scene.walls[hit.wall] : null;
    normal[0] = wall ? wall.nx : 0;
    normal[1] = wall ? 0 : 1;
    normal[2] = wall ? wall.nz : 0;
    const surface: Surface = wall ?? this.scene.floor;
    const u = wall ? wall.nz * x - wall.nx * z : x;
    const v = wall ? y : z;
    const on = surface.patch?.inside(u, v) ? surface.patch : surface;
    on.paint(u, v, 0, colour);
    hit.label = on.label;
  }

  /** Whether something stands between a hit and a point. */
  hidden(hit: Hit, point: Float64Array): boolean {
    const { toPoint } = this;
    let squared = 0;
    for (let c = 0; c < 3; c++) {
      toPoint[c] = hit.position[c] + OFFSET * hit.normal[c];
      toPoint[c + 3] = point[c] - toPoint[c];
      squared += toPoint[c + 3] * toPoint[c + 3];
    }
    const distance = Math.sqrt(squared);
    for (let c = 3; c < 6; c++) toPoint[c] /= distance;
    toPoint[6] = distance;
    return this.meet(toPoint, true) >= 0;
  }

  /** Share of the surroundings' light that the things and the corners of the room leave to a hit, 0 to 1. */
  openness(hit: Hit): number {
    const { position, normal } = hit;
    const x = position[0];
    const y = position[1];
    const z = position[2];
    let open = 1;
    const { things } = this.scene;
    const { spheres, planes } = this;
    for (let i = 0; i < things.length; i++) {
      if (i === hit.thing) continue;
      const vx = spheres[4 * i] - x;
      const vy = spheres[4 * i + 1] - y;
      const vz = spheres[4 * i + 2] - z;
      const facing = normal[0] * vx + normal[1] * vy + normal[2] * vz;
      if (facing <= 0) continue;
      // A sphere of radius r at distance d in direction v takes (n . v) r^2 / d^2 of a cosine-weighted sky.
      const squared = vx * vx + vy * vy + vz * vz;
      const r = spheres[4 * i + 3] * things[i].bulk;
      open *= 1 - Math.min(0.9, (facing * r * r) / (squared * Math.sqrt(squared)));
    }
    for (let i = 0; i < planes.length; i += 3) {
      if (i === 3 * hit.wall) continue;
      const near = 4 * (planes[i] * x + planes[i + 1] * z + planes[i + 2]);
      open *= 1 - 0.3 / (1 + near * near);
    }
    if (hit.wall >= 0) open *= 1 - 0.3 / (1 + 16 * y * y);
    return open;
  }
}
