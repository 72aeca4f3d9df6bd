import { cos, sin } from "../../tensor/math.ts";
import type { Rng } from "../../tensor/rng.ts";
import { anyPaint, type Kind, pictured, solid, standing, type Tint, tinted } from "./objects.ts";
import { floor, walls } from "./room.ts";
import type { Camera, Light, Scene, Thing, Wall } from "./scene.ts";

const SHAPES: readonly Kind[] = ["ball", "can"];
const TINTS: readonly Tint[] = ["warm", "cool"];
const DISTRACTORS: readonly Kind[] = ["box", "cone", "ring"];

/**
 * Image classes, in the order of their indices: shape, whether it is solid, tint.
 *
 * The tint shows in colour only; whether the object is solid shows in depth, and in colour by shading, shadow and contact alone.
 */
export const CLASSES: readonly string[] = SHAPES.flatMap((shape) =>
  ["", " cut-out"].flatMap((flat) => TINTS.map((tint) => `${tint} ${shape}${flat}`)),
);

type Vector = readonly [number, number, number];

function normalised(x: number, y: number, z: number): Vector {
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

/** A camera that looks at the main object of half width `size` metres, which then spans a third to two thirds of the view. */
function camera(rng: Rng, size: number): Camera {
  const distance = size * rng.uniform(3.6, 5.2);
  const azimuth = rng.uniform(-0.25, 0.25);
  const pitch = rng.uniform(0.18, 0.6);
  const focal = rng.uniform(1.9, 2.6);
  const eye: Vector = [
    distance * cos(pitch) * sin(azimuth),
    size + distance * sin(pitch),
    distance * cos(pitch) * cos(azimuth),
  ];
  const aside = (distance / focal) * 0.3;
  const aim: Vector = [rng.uniform(-aside, aside), size + rng.uniform(-aside, aside), 0];
  const forward = normalised(aim[0] - eye[0], aim[1] - eye[1], aim[2] - eye[2]);
  const right = normalised(-forward[2], 0, forward[0]);
  const up: Vector = [
    right[1] * forward[2] - right[2] * forward[1],
    right[2] * forward[0] - right[0] * forward[2],
    right[0] * forward[1] - right[1] * forward[0],
  ];
  return { eye, right, up, forward, focal };
}

/** Metres from a wall to the point (x, z), positive inside the room. */
function clearance(wall: Wall, x: number, z: number): number {
  return wall.nx * x + wall.nz * z + wall.offset;
}

/** A lamp before or beside the main object, warm or cool, and softer light from everywhere. */
function light(rng: Rng, distance: number, room: readonly Wall[]): Light {
  let azimuth = rng.uniform(-1.5, 1.5);
  const elevation = rng.uniform(0.5, 1.1);
  const away = distance * rng.uniform(0.9, 1.6) + 0.8;
  const at = (): Vector => [
    away * cos(elevation) * sin(azimuth),
    away * sin(elevation),
    away * cos(elevation) * cos(azimuth),
  ];
  // Swing it to the front while a wall would be in the way.
  while (Math.abs(azimuth) > 0.3 && room.some((wall) => clearance(wall, at()[0], at()[2]) < 0.3)) azimuth *= 0.85;
  const warmth = rng.uniform(-0.15, 0.2);
  const strength = rng.uniform(0.9, 1.4);
  const soft = rng.uniform(0.22, 0.42);
  return {
    position: at(),
    lamp: [strength * (1 + warmth), strength, strength * (1 - warmth)],
    ambient: [soft * (1 - 0.3 * warmth), soft, soft * (1 + 0.3 * warmth)],
    reference: away * away,
  };
}

/** Whether something of half width `radius` at (x, z) is clear of the things so far and leaves the main object in view. */
function fits(x: number, z: number, radius: number, things: readonly Thing[], eye: Vector): boolean {
  for (const thing of things) {
    const [dx, dz] = [x - thing.x, z - thing.z];
    const gap = radius + thing.shape.radius;
    if (dx * dx + dz * dz < gap * gap) return false;
  }
  const far = Math.sqrt(eye[0] * eye[0] + eye[2] * eye[2]);
  const along = (x * eye[0] + z * eye[2]) / far;
  const aside = Math.abs(x * eye[2] - z * eye[0]) / far;
  return along < far * 0.55 && (along < 0 || aside > things[0].shape.radius * 0.7 + radius);
}

/** One to four smaller objects of no class around the main one. */
function distractors(rng: Rng, size: number, main: Thing, eye: Vector): Thing[] {
  const things = [main];
  const count = 1 + rng.int(4);
  for (let i = 0; i < count; i++) {
    const own = rng.fork(i);
    const small = size * own.uniform(0.4, 0.8);
    const kind = DISTRACTORS[own.int(DISTRACTORS.length)];
    const shape = solid(own, kind, small);
    const paint = anyPaint(own, small);
    const flat = own.bernoulli(0.35);
    for (let attempt = 0; attempt < 12; attempt++) {
      const [x, z] = [size * own.uniform(-3.2, 3.2), size * own.uniform(-3.2, 1.8)];
      if (!fits(x, z, shape.radius, things, eye)) continue;
      const place = { x, z, eye };
      things.push(flat ? pictured(own, shape, paint, place) : standing(own, kind, shape, paint, place));
      break;
    }
  }
  return things;
}

/** The scene of one random stream, with a main object of the given class. */
export function compose(rng: Rng, target: number): Scene {
  const kind = SHAPES[target >> 2];
  const flat = (target & 2) !== 0;
  const tint = TINTS[target & 1];
  const own = rng.fork("main");
  const size = own.uniform(0.22, 0.45);
  const shape = solid(own.fork("shape"), kind, size);
  const paint = tinted(own.fork("paint"), tint, size);
  const view = camera(rng.fork("camera"), size);
  const place = { x: 0, z: 0, eye: view.eye };
  const main = flat
    ? pictured(own.fork("stand"), shape, paint, place)
    : standing(own.fork("stand"), kind, shape, paint, place);
  const things = distractors(rng.fork("others"), size, main, view.eye);
  const [ex, , ez] = view.eye;
  const reach = (nx: number, nz: number) =>
    Math.max(0.4 - nx * ex - nz * ez, ...things.map((t) => t.shape.radius - nx * t.x - nz * t.z));
  const distance = Math.sqrt(ex * ex + ez * ez);
  const room = walls(rng.fork("walls"), reach, distance);
  return {
    target,
    camera: view,
    light: light(rng.fork("light"), distance, room),
    floor: floor(rng.fork("floor"), size),
    walls: room,
    things,
  };
}
