import type { Rng } from "../../tensor/rng.ts";
import { highlight } from "./paint.ts";
import type { Light, Scene } from "./scene.ts";
import { BASELINE, type SensorOptions, sense } from "./sensor.ts";
import type { Ray } from "./shapes.ts";
import { describe, Hit, openness, Source } from "./trace.ts";

/** Half the size of the lamp relative to its distance: how soft shadows are. */
const LAMP_SIZE = 0.06;

/** Rays of one pixel: offsets in pixels, to the right and down, and the point of the lamp that each sees, as shares of its half size. */
const SUBPIXELS = [
  [-0.25, -0.25, 1, 0],
  [0.25, -0.25, 0, 1],
  [-0.25, 0.25, 0, -1],
  [0.25, 0.25, -1, 0],
] as const;
const CENTRE = [[0, 0, 0, 0]] as const;

/**
 * Adds the light that a hit sends back along the line of sight to `sum`: Lambert, a highlight, a shadow, and light from everywhere.
 *
 * @param open Share of the light from everywhere that reaches the hit.
 */
function shade(light: Light, lamp: Source, hit: Hit, sight: Ray, open: number, sum: Float64Array): void {
  const { normal, colour } = hit;
  const { ray } = lamp;
  const distance = lamp.aim(hit.position);
  const lambert = -(normal[0] * ray[3] + normal[1] * ray[4] + normal[2] * ray[5]);
  let direct = 0;
  let glint = 0;
  if (lambert > 0 && !lamp.blocked()) {
    const falloff = Math.min(2, light.reference / (distance * distance));
    direct = lambert * falloff;
    if (hit.gloss > 0) glint = hit.gloss * falloff * highlight(normal, ray, sight);
  }
  const sky = (0.7 + 0.3 * normal[1]) * open;
  for (let c = 0; c < 3; c++) {
    sum[c] += colour[c] * (direct * light.lamp[c] + sky * light.ambient[c]) + glint * light.lamp[c];
  }
}

/** The lamp's four points, seen by the four rays of a pixel, or its middle alone. */
function lampPoints(scene: Scene, rays: readonly (readonly number[])[]): Source[] {
  const { position, reference } = scene.light;
  const { right } = scene.camera;
  const spread = LAMP_SIZE * Math.sqrt(reference);
  return rays.map(([, , sideways, upwards]) => {
    const [a, b] = [spread * sideways, spread * upwards];
    return new Source(scene, [position[0] + a * right[0], position[1] + b, position[2] + a * right[2]]);
  });
}

/** Linear light to an 8-bit value: a soft shoulder, then the square root as gamma. */
function encode(light: number): number {
  const held = light < 0.6 ? light : 0.6 + (light - 0.6) / (1 + (light - 0.6) / 0.4);
  return Math.floor(255 * Math.sqrt(held) + 0.5);
}

/** The images of one view; see `Sample` for their meaning. */
export interface View {
  readonly rgb: Uint8Array;
  readonly depth: Uint16Array;
  readonly label: Uint8Array;
}

/**
 * Draws a scene: colour with 2 x 2 rays per pixel (one without antialias), depth and label by one ray through the pixel's centre.
 *
 * @param rng Stream of the sensor's noise.
 */
export function render(
  scene: Scene,
  width: number,
  height: number,
  antialias: boolean,
  sensor: Required<SensorOptions>,
  rng: Rng,
): View {
  const rgb = new Uint8Array(width * height * 3);
  const depth = new Uint16Array(width * height);
  const label = new Uint8Array(width * height);
  const { eye, right, up, forward, focal } = scene.camera;
  const unit = 2 / Math.min(width, height);
  const hit = new Hit();
  const sum = new Float64Array(3);
  const rays = antialias ? SUBPIXELS : CENTRE;
  const lamps = lampPoints(scene, rays);
  const lens = new Source(scene, eye);
  const projector = new Source(
    scene,
    [0, 1, 2].map((c) => eye[c] + BASELINE * right[c]),
  );
  const { ray } = lens;

  /** Casts the ray through image coordinates in pixels; false if it leaves the scene. */
  const cast = (px: number, py: number): boolean => {
    const a = (px - width / 2) * unit;
    const b = (height / 2 - py) * unit;
    const length = Math.sqrt(a * a + b * b + focal * focal);
    for (let c = 0; c < 3; c++) ray[c + 3] = (a * right[c] + b * up[c] + focal * forward[c]) / length;
    if (!lens.first(hit)) return false;
    describe(scene, hit, ray);
    return true;
  };

  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const pixel = row * width + column;
      sum.fill(0);
      let open = 1;
      let surface = -1;
      for (let i = 0; i < rays.length; i++) {
        if (!cast(column + 0.5 + rays[i][0], row + 0.5 + rays[i][1])) continue;
        // It hardly changes within a pixel, except from one surface to another.
        const here = hit.thing >= 0 ? hit.thing + 4 : hit.wall + 1;
        if (here !== surface) open = openness(scene, hit);
        surface = here;
        shade(scene.light, lamps[i], hit, ray, open, sum);
      }
      for (let c = 0; c < 3; c++) rgb[pixel * 3 + c] = encode(sum[c] / rays.length);
      const seen = cast(column + 0.5, row + 0.5);
      label[pixel] = seen ? hit.label : 255;
      if (!seen) continue;
      let facing = 0;
      let along = 0;
      for (let c = 0; c < 3; c++) {
        facing -= hit.normal[c] * ray[c + 3];
        along += forward[c] * ray[c + 3];
      }
      const brightness = (hit.colour[0] + hit.colour[1] + hit.colour[2]) / 3;
      if (sensor.holes > 0) projector.aim(hit.position);
      const shadowed = sensor.holes > 0 && projector.blocked();
      depth[pixel] = sense(rng, sensor, ray[6] * along, facing, brightness, shadowed);
    }
  }
  return { rgb, depth, label };
}
