import { cos, sin } from "../../tensor/math.ts";
import type { Rng } from "../../tensor/rng.ts";
import { type Paint, painted } from "./paint.ts";
import { labelIndex, type Patch, type Surface, type Wall } from "./scene.ts";
import { bricks, type Colour, checked, colour, marbled, plain, planks } from "./textures.ts";

const WHITE: Colour = [0.85, 0.83, 0.78];
const DARK: Colour = [0.03, 0.025, 0.02];

function scaled(c: Colour, factor: number): Colour {
  return [c[0] * factor, c[1] * factor, c[2] * factor];
}

function floorPaint(rng: Rng): Paint {
  const base = colour(rng, [0.05, 0.35], [0.5, 0.85]);
  switch (rng.int(4)) {
    case 0:
      return painted(planks(rng, rng.uniform(0.12, 0.25)), [0.5, 0.27, 0.12], [0.14, 0.06, 0.025]);
    case 1:
      return painted(checked(rng, rng.uniform(0.5, 1)), base, scaled(base, rng.uniform(0.45, 0.75)));
    case 2:
      return painted(marbled(rng, rng.uniform(0.6, 1.2)), base, scaled(base, 0.65));
    default:
      return painted(plain(rng), base, DARK);
  }
}

function wallPaint(rng: Rng): Paint {
  const base = colour(rng, [0.05, 0.4], [0.6, 0.95]);
  switch (rng.int(4)) {
    case 0:
      return painted(bricks(rng, rng.uniform(0.25, 0.45)), scaled(base, 0.6), scaled(base, 0.95));
    case 1: {
      const period = rng.uniform(0.2, 0.5);
      return painted((p) => (p[0] / period - Math.floor(p[0] / period) < 0.5 ? 0 : 1), base, scaled(base, 0.82));
    }
    default:
      return painted(plain(rng), base, DARK);
  }
}

/** A round or a rectangular rug, somewhere around the main object of half width `size` metres. */
function rug(rng: Rng, size: number): Patch {
  const [cx, cz] = [rng.uniform(-1, 1) * size * 1.5, rng.uniform(-1, 0.6) * size * 1.5];
  const [a, b] = [size * rng.uniform(1.6, 3.2), size * rng.uniform(1.2, 2.2)];
  const turn = rng.uniform(-0.7, 0.7);
  const [tc, ts] = [cos(turn), sin(turn)];
  const round = rng.bernoulli(0.5);
  const main = colour(rng, [0.4, 0.9], [0.3, 0.9]);
  const trim = colour(rng, [0.1, 0.6], [0.7, 1]);
  const texture = [plain, checked, marbled][rng.int(3)](rng, size * rng.uniform(0.5, 0.9));
  const inner = painted(texture, main, trim);
  // Distance from the middle, 1 at the border.
  const reach = (p: Float64Array) => {
    const u = (tc * (p[0] - cx) + ts * (p[1] - cz)) / a;
    const v = (tc * (p[1] - cz) - ts * (p[0] - cx)) / b;
    return round ? u * u + v * v : Math.max(Math.abs(u), Math.abs(v));
  };
  return {
    label: labelIndex("rug"),
    inside: (p) => reach(p) < 1,
    paint(p, out) {
      if (reach(p) > 0.85) out.set(trim);
      else inner(p, out);
    },
  };
}

/** A framed painting on a wall, centred at `along` metres of the wall's own coordinate. */
function picture(rng: Rng, along: number, far: number): Patch {
  const [a, b] = [far * rng.uniform(0.1, 0.22), far * rng.uniform(0.08, 0.18)];
  const centre = b + rng.uniform(0.5, 1);
  const frame = rng.bernoulli(0.5) ? WHITE : rng.bernoulli(0.5) ? DARK : ([0.45, 0.27, 0.06] as const);
  const sky = painted(marbled(rng, a * 2), colour(rng, [0.2, 0.8], [0.6, 1]), colour(rng, [0, 0.5], [0.8, 1]));
  const land = painted(marbled(rng, a), colour(rng, [0.3, 0.9], [0.2, 0.6]), colour(rng, [0.3, 0.9], [0.3, 0.8]));
  const horizon = centre + b * rng.uniform(-0.5, 0.5);
  const slope = rng.uniform(-0.4, 0.4);
  return {
    label: labelIndex("picture"),
    inside: (p) => Math.abs(p[0] - along) < a && Math.abs(p[1] - centre) < b,
    paint(p, out) {
      const border = 0.12 * Math.min(a, b);
      if (Math.abs(p[0] - along) > a - border || Math.abs(p[1] - centre) > b - border) out.set(frame);
      else if (p[1] > horizon + slope * (p[0] - along)) sky(p, out);
      else land(p, out);
    },
  };
}

/** The floor, three times in five with a rug around the main object of half width `size` metres. */
export function floor(rng: Rng, size: number): Surface {
  const patch = rng.bernoulli(0.6) ? rug(rng.fork("rug"), size) : undefined;
  return { label: labelIndex("floor"), paint: floorPaint(rng.fork("paint")), patch };
}

/**
 * A back wall and two side walls, square to each other and turned by up to 25 degrees; pictures hang on some.
 *
 * @param reach How far the furniture reaches against the direction of a wall's normal (x, z), in metres.
 * @param far Distance of the camera, in metres: rooms and pictures are sized by it.
 */
export function walls(rng: Rng, reach: (nx: number, nz: number) => number, far: number): Wall[] {
  const turn = rng.uniform(-0.45, 0.45);
  const [s, c] = [sin(turn), cos(turn)];
  const paint = wallPaint(rng.fork("paint"));
  const wall = (name: string, nx: number, nz: number, gap: number): Wall => {
    const own = rng.fork(name);
    const offset = reach(nx, nz) + gap;
    const patch = own.bernoulli(0.55) ? picture(own, own.uniform(-0.4, 0.4) * far, far + offset) : undefined;
    return { label: labelIndex("wall"), nx, nz, offset, paint, patch };
  };
  return [
    wall("back", s, c, far * rng.uniform(0.1, 0.8)),
    wall("left", c, -s, far * rng.uniform(0.1, 0.9)),
    wall("right", -c, s, far * rng.uniform(0.1, 0.9)),
  ];
}
