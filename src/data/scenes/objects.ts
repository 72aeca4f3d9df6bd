import { atan2, cos, sin } from "../../tensor/math.ts";
import type { Rng } from "../../tensor/rng.ts";
import { cutout } from "./cutout.ts";
import { type Paint, painted } from "./paint.ts";
import { labelIndex, type Thing } from "./scene.ts";
import { ball, box, can, cone, ring, type Shape } from "./shapes.ts";
import { type Colour, checked, colour, type Hues, marbled, plain, spotted, striped, type Texture } from "./textures.ts";

/** Solids that stand on the floor. */
export type Kind = "ball" | "can" | "box" | "cone" | "ring";

/** Tints of the main object: what depth cannot show. */
export type Tint = "warm" | "cool";

const HUES: Record<Tint, Hues> = { warm: [5.4, 7], cool: [2.6, 4.4] };

/** A solid of about the given half width in metres, with random proportions. */
export function solid(rng: Rng, kind: Kind, size: number): Shape {
  switch (kind) {
    case "ball":
      return ball(size);
    case "can":
      return can(size * rng.uniform(0.7, 0.85), size * rng.uniform(1.7, 2.3));
    case "box":
      return box(size * rng.uniform(1.2, 1.7), size * rng.uniform(1, 2.2), size * rng.uniform(1.2, 1.7));
    case "cone":
      return cone(size * rng.uniform(0.75, 0.95), size * rng.uniform(1.8, 2.5));
    case "ring":
      return ring(size * rng.uniform(0.68, 0.76), size * rng.uniform(0.22, 0.32));
  }
}

/** Two colours that differ clearly in brightness: a rich one beside a pale or a dark one, or a dim beside a bright one. */
function colourPair(rng: Rng, hues?: Hues): [Colour, Colour] {
  const rich = colour(rng, [0.55, 0.95], [0.55, 0.95], hues);
  const other = rng.int(3);
  if (other === 0) return [rich, colour(rng, [0, 0.2], [0.88, 1], hues)];
  if (other === 1) return [rich, colour(rng, [0.2, 0.8], [0.12, 0.25], hues)];
  return [colour(rng, [0.5, 0.9], [0.35, 0.5], hues), colour(rng, [0.3, 0.8], [0.9, 1], hues)];
}

/** Stripes or spots, at a scale that suits an object of the given half width in metres, in two colours of these hues. */
function patterned(rng: Rng, size: number, hues?: Hues): Paint {
  const texture = rng.bernoulli(0.5)
    ? striped(rng, size * rng.uniform(0.6, 0.8))
    : spotted(rng, size * rng.uniform(0.95, 1.15));
  const [a, b] = colourPair(rng, hues);
  return rng.bernoulli(0.5) ? painted(texture, a, b) : painted(texture, b, a);
}

/** The surface of a main object of the given half width in metres: a pattern in two colours of one tint. */
export function tinted(rng: Rng, tint: Tint, size: number): Paint {
  return patterned(rng, size, HUES[tint]);
}

/** A surface for an object of no class: any pattern and hue, most often a calm one. */
export function anyPaint(rng: Rng, size: number): Paint {
  const choice = rng.int(8);
  if (choice < 2) return patterned(rng, size);
  const texture: Texture = choice < 6 ? plain(rng) : choice === 6 ? checked(rng, size * 0.9) : marbled(rng, size);
  const [a, b] = colourPair(rng);
  return painted(texture, a, b);
}

/** Where an object stands, and from where it is seen. */
export interface Place {
  readonly x: number;
  readonly z: number;
  /** The camera's position. */
  readonly eye: readonly [number, number, number];
}

function gloss(rng: Rng): number {
  return rng.bernoulli(0.5) ? rng.uniform(0.1, 0.5) : 0;
}

/** The given solid, standing in the room and turned at random. */
export function standing(rng: Rng, kind: Kind, shape: Shape, paint: Paint, place: Place): Thing {
  const turn = rng.uniform(0, 2 * Math.PI);
  return {
    label: labelIndex(kind),
    shape,
    paint,
    bulk: 0.72 * shape.radius * shape.radius,
    gloss: gloss(rng),
    x: place.x,
    z: place.z,
    cos: cos(turn),
    sin: sin(turn),
  };
}

/**
 * A cut-out photograph of the given solid, turned roughly towards the camera, touching the ground where the solid would seem to.
 *
 * It was taken from near the camera's place, so that it looks right, but under a light of its own.
 */
export function pictured(rng: Rng, shape: Shape, paint: Paint, place: Place): Thing {
  const [wx, wz] = [place.eye[0] - place.x, place.eye[2] - place.z];
  const away = Math.sqrt(wx * wx + wz * wz);
  const height = place.eye[1] * rng.uniform(0.8, 1.2);
  const behind = shape.front(height / away);
  // Directions on the ground as angles from world z: to the camera, to the photographer, and out of the sheet.
  const toCamera = atan2(wx, wz);
  const toPhotographer = toCamera + rng.uniform(-0.2, 0.2);
  const facing = toCamera + rng.uniform(-0.5, 0.5);
  const aside = toPhotographer - facing;
  const lightAside = aside + rng.uniform(-1.5, 1.5);
  const lightUp = rng.uniform(0.45, 1.1);
  const turn = rng.uniform(0, 2 * Math.PI);
  const sheet = cutout(shape, paint, {
    eye: [(away - behind) * sin(aside), height, (away - behind) * cos(aside)],
    behind,
    light: [cos(lightUp) * sin(lightAside), sin(lightUp), cos(lightUp) * cos(lightAside)],
    ambient: rng.uniform(0.3, 0.5),
    exposure: rng.uniform(1.1, 1.6),
    gloss: gloss(rng),
    turn: [cos(turn), sin(turn)],
  });
  return {
    label: labelIndex("cut-out"),
    ...sheet,
    bulk: 0.12 * shape.radius * shape.radius,
    gloss: 0,
    x: place.x + behind * sin(toPhotographer),
    z: place.z + behind * cos(toPhotographer),
    cos: cos(facing),
    sin: sin(facing),
  };
}
