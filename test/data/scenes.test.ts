import { describe, expect, it } from "vitest";
import { compose } from "../../src/data/scenes/compose.ts";
import { cutout } from "../../src/data/scenes/cutout.ts";
import {
  type RenderOptions,
  renderScene,
  SCENE_CLASSES,
  SCENE_LABELS,
  sceneDataset,
} from "../../src/data/scenes/index.ts";
import type { Scene } from "../../src/data/scenes/scene.ts";
import { ball, box, can, cone, MISS, newRay, type Ray, ring, type Shape } from "../../src/data/scenes/shapes.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

const PERFECT = { holes: 0, noise: 0, quantisation: 0 };
const SMALL: RenderOptions = { width: 32, height: 32 };

/** Points inside each solid, by its definition: the reference for the ray tests. */
const solids: Record<string, { shape: Shape; inside: (x: number, y: number, z: number) => boolean }> = {
  ball: { shape: ball(0.3), inside: (x, y, z) => x * x + (y - 0.3) ** 2 + z * z < 0.09 },
  can: { shape: can(0.2, 0.5), inside: (x, y, z) => y > 0 && y < 0.5 && x * x + z * z < 0.04 },
  cone: { shape: cone(0.3, 0.6), inside: (x, y, z) => y > 0 && Math.sqrt(x * x + z * z) < 0.3 * (1 - y / 0.6) },
  box: {
    shape: box(0.4, 0.3, 0.6),
    inside: (x, y, z) => Math.abs(x) < 0.2 && y > 0 && y < 0.3 && Math.abs(z) < 0.3,
  },
  ring: {
    shape: ring(0.3, 0.1),
    inside: (x, y, z) => (Math.sqrt(x * x + (y - 0.4) ** 2) - 0.3) ** 2 + z * z < 0.01,
  },
};

/** A ray from a random point one metre from the shape and above the ground to a random point near its middle. */
function randomRay(rng: Rng, shape: Shape): Ray {
  const ray = newRay();
  const angle = rng.uniform(0, 2 * Math.PI);
  const height = rng.uniform(0.05, 0.95);
  const level = Math.sqrt(1 - height * height);
  const from = [level * Math.cos(angle), height, level * Math.sin(angle)];
  const to = [rng.uniform(-0.4, 0.4), shape.centre + rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4)];
  const length = Math.hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]);
  for (let c = 0; c < 3; c++) {
    ray[c] = from[c];
    ray[c + 3] = (to[c] - from[c]) / length;
  }
  return ray;
}

const at = (ray: Ray, t: number): [number, number, number] => [
  ray[0] + t * ray[3],
  ray[1] + t * ray[4],
  ray[2] + t * ray[5],
];

describe.each(Object.entries(solids))("%s", (name, { shape, inside }) => {
  const rng = new Rng(1, name);
  const rays = Array.from({ length: 400 }, () => randomRay(rng, shape));
  const step = 1e-3;
  /** First distance above the ground at which the ray is inside, by small steps. */
  const march = (ray: Ray): number => {
    for (let t = 0; t < 2; t += step) if (ray[1] + t * ray[4] > 0 && inside(...at(ray, t))) return t;
    return MISS;
  };

  it("is met where small steps along the ray enter it", () => {
    let hits = 0;
    for (const ray of rays) {
      const [t, reference] = [shape.intersect(ray), march(ray)];
      const above = t < MISS && ray[1] + t * ray[4] > 0 ? t : MISS;
      if (reference < MISS) {
        hits++;
        expect(Math.abs(above - reference)).toBeLessThan(2 * step + 1e-2 * Number(name === "ring"));
      } else if (above < MISS) {
        // Only a graze shorter than a step may escape the marching.
        expect(inside(...at(ray, above + 2 * step)) && inside(...at(ray, above + 4 * step))).toBe(false);
      }
    }
    expect(hits).toBeGreaterThan(80);
    expect(hits).toBeLessThan(380);
  });

  it("has unit normals that point outwards, and lies within its sphere", () => {
    const normal = new Float64Array(3);
    for (const ray of rays) {
      const t = shape.intersect(ray);
      if (t === MISS || ray[1] + t * ray[4] < 2e-3) continue;
      const [x, y, z] = at(ray, t);
      shape.normal(Float64Array.of(x, y, z), normal);
      const [nx, ny, nz] = normal;
      expect(Math.hypot(nx, ny, nz)).toBeCloseTo(1, 10);
      expect(inside(x + 1e-3 * nx, y + 1e-3 * ny, z + 1e-3 * nz)).toBe(false);
      expect(nx * ray[3] + ny * ray[4] + nz * ray[5]).toBeLessThan(0.02);
      expect(Math.hypot(x, y - shape.centre, z)).toBeLessThan(shape.radius + 1e-3);
    }
  });

  it("as a cut-out covers the same view from the photograph's place, in one plane", () => {
    const eye = [0.3, 0.9, 1.4] as const;
    const turn = [Math.cos(0.7), Math.sin(0.7)] as const;
    const photograph = { eye, turn, light: [0, 1, 0] as const, behind: 0.12, ambient: 0.3, exposure: 1, gloss: 0 };
    const sheet = cutout(shape, (_point, out) => out.fill(0.5), photograph);
    const away = Math.hypot(eye[0], eye[2]);
    const further = 1 + photograph.behind / away;
    let covered = 0;
    for (let i = 0; i < 1000; i++) {
      const ray = newRay();
      const aim = [rng.uniform(-0.5, 0.5), rng.uniform(0.02, 0.9), 0];
      const v = aim.map((value, c) => value - eye[c]);
      const length = Math.hypot(...v);
      for (let c = 0; c < 3; c++) [ray[c], ray[c + 3]] = [eye[c], v[c] / length];
      const t = sheet.shape.intersect(ray);
      // The same ray, in the frame of the solid behind the sheet.
      const rotate = (x: number, z: number) => [turn[0] * x - turn[1] * z, turn[1] * x + turn[0] * z];
      const [ex, ez] = rotate(eye[0] * further, eye[2] * further);
      const [dx, dz] = rotate(ray[3], ray[5]);
      const direct = shape.intersect(Float64Array.of(ex, eye[1], ez, dx, ray[4], dz, MISS));
      expect(t < MISS).toBe(direct < MISS);
      if (t === MISS) continue;
      covered++;
      expect(at(ray, t)[2]).toBeCloseTo(0, 12);
      expect(Math.hypot(at(ray, t)[0], at(ray, t)[1] - sheet.shape.centre)).toBeLessThan(sheet.shape.radius);
    }
    expect(covered).toBeGreaterThan(50);
  });
});

/** FNV-1a over bytes. */
function hash(...arrays: (Uint8Array | Uint16Array)[]): string {
  let value = 0x811c9dc5;
  for (const array of arrays) {
    for (const word of array) {
      value = Math.imul(value ^ (word & 255), 0x01000193);
      value = Math.imul(value ^ (word >>> 8), 0x01000193);
    }
  }
  return (value >>> 0).toString(16);
}

describe("renderScene", () => {
  it("gives the recorded bytes, in Node as in a browser", () => {
    const digest = (index: number | string, options: RenderOptions) => {
      const { rgb, depth, label } = renderScene(7, index, options);
      return hash(rgb, depth, label as Uint8Array);
    };
    const all = SCENE_CLASSES.map((_, target) => digest("golden", { ...SMALL, target }));
    expect(all).toEqual([
      "35109f7",
      "1fce52f7",
      "6c659ee7",
      "1c05f040",
      "8d6a9c1f",
      "9dc733f5",
      "378a9570",
      "1363e7be",
    ]);
    expect(digest(3, { width: 80, height: 60 })).toBe("f48042f4");
    expect(digest(3, { width: 17, height: 33, antialias: false, ...PERFECT })).toBe("55172d8f");
  });

  it("is a pure function of seed, index and options", () => {
    const first = renderScene(1, 5, SMALL);
    renderScene(2, 9, SMALL);
    expect(renderScene(1, 5, SMALL)).toEqual(first);
    expect(renderScene(1, 5, { ...SMALL, target: first.target })).toEqual(first);
    expect(renderScene(1, 6, SMALL).rgb).not.toEqual(first.rgb);
    expect(renderScene(2, 5, SMALL).rgb).not.toEqual(first.rgb);
    expect(renderScene(1, "5", SMALL).rgb).not.toEqual(first.rgb);
  });

  it("shows the same at any resolution", () => {
    const coarse = renderScene(1, 0, { width: 30, height: 20, ...PERFECT });
    const fine = renderScene(1, 0, { width: 90, height: 60, ...PERFECT });
    for (let row = 0; row < 20; row++) {
      for (let column = 0; column < 30; column++) {
        const [a, b] = [row * 30 + column, (3 * row + 1) * 90 + 3 * column + 1];
        expect(fine.label?.[b]).toBe(coarse.label?.[a]);
        expect(Math.abs(fine.depth[b] - coarse.depth[a])).toBeLessThanOrEqual(1);
      }
    }
  });

  it("keeps its values in range, uses all labels, and fills the range of colour", () => {
    const labels = new Set<number>();
    const tones = new Set<number>();
    for (let index = 0; index < 64; index++) {
      const sample = renderScene(3, index, SMALL);
      expect([sample.rgb.length, sample.depth.length, sample.label?.length]).toEqual([3072, 1024, 1024]);
      for (const value of sample.label as Uint8Array) labels.add(value);
      for (const value of sample.rgb) tones.add(value);
      for (const value of sample.depth) expect(value === 0 || (value > 300 && value < 20000)).toBe(true);
      const missing = sample.depth.filter((value) => value === 0).length;
      expect(missing).toBeLessThan(0.15 * 1024);
    }
    expect([...labels].sort((a, b) => a - b)).toEqual(SCENE_LABELS.map((_, i) => i));
    expect(tones.size).toBeGreaterThan(240);
  });

  it("draws every class equally often when none is asked for", () => {
    const counts = new Uint32Array(SCENE_CLASSES.length);
    const draws = 800;
    for (let index = 0; index < draws; index++) {
      counts[renderScene(4, index, { width: 8, height: 8, antialias: false }).target as number]++;
    }
    // Five standard deviations of a binomial count.
    for (const count of counts) expect(Math.abs(count - draws / 8)).toBeLessThan(5 * Math.sqrt((draws * 7) / 64));
  });
});

/** The world points that a flawless depth map stands for, by the camera of the scene. */
function points(scene: Scene, width: number, height: number, depth: Uint16Array): [number, number, number][] {
  const { eye, right, up, forward, focal } = scene.camera;
  const unit = 2 / Math.min(width, height);
  return Array.from(depth, (millimetres, pixel) => {
    const a = (((pixel % width) + 0.5 - width / 2) * unit) / focal;
    const b = ((height / 2 - Math.floor(pixel / width) - 0.5) * unit) / focal;
    const point = (c: number) => eye[c] + (millimetres / 1000) * (a * right[c] + b * up[c] + forward[c]);
    return [point(0), point(1), point(2)];
  });
}

/** Root of the mean squared distance of points from the plane that fits them best, by the smallest principal axis. */
function planeResidual(cloud: [number, number, number][]): number {
  const mean = [0, 1, 2].map((c) => cloud.reduce((sum, p) => sum + p[c], 0) / cloud.length);
  const covariance = (a: number, b: number) =>
    cloud.reduce((sum, p) => sum + (p[a] - mean[a]) * (p[b] - mean[b]), 0) / cloud.length;
  const [xx, yy, zz] = [covariance(0, 0), covariance(1, 1), covariance(2, 2)];
  const [xy, xz, yz] = [covariance(0, 1), covariance(0, 2), covariance(1, 2)];
  // Smallest root of the characteristic polynomial of the covariance, by Newton's method from below.
  const [c2, c1] = [xx + yy + zz, xx * yy + xx * zz + yy * zz - xy * xy - xz * xz - yz * yz];
  const c0 = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz);
  let root = 0;
  for (let i = 0; i < 50; i++)
    root -= (root ** 3 - c2 * root ** 2 + c1 * root - c0) / (3 * root ** 2 - 2 * c2 * root + c1);
  return Math.sqrt(Math.max(0, root));
}

describe("depth, label and class agree", () => {
  const [width, height] = [48, 36];
  const label = (name: string) => SCENE_LABELS.indexOf(name as (typeof SCENE_LABELS)[number]);
  const views = Array.from({ length: 24 }, (_, index) => {
    const target = index % SCENE_CLASSES.length;
    const sample = renderScene(11, index, { width, height, target, ...PERFECT });
    const scene = compose(new Rng(11, "scene", index), target);
    return { target, index, sample, scene, cloud: points(scene, width, height, sample.depth) };
  });

  it("floor and rug lie at height zero, walls and pictures on a wall, the rest within the sphere of a thing", () => {
    for (const { sample, scene, cloud } of views) {
      cloud.forEach(([x, y, z], pixel) => {
        const name = SCENE_LABELS[(sample.label as Uint8Array)[pixel]];
        const tolerance = 1e-3 * (1 + sample.depth[pixel] / 1000);
        if (name === "floor" || name === "rug") expect(Math.abs(y)).toBeLessThan(tolerance);
        else if (name === "wall" || name === "picture") {
          const gaps = scene.walls.map((wall) => Math.abs(wall.nx * x + wall.nz * z + wall.offset));
          expect(Math.min(...gaps)).toBeLessThan(tolerance);
        } else {
          const near = scene.things.filter((thing) => SCENE_LABELS[thing.label] === name);
          const gaps = near.map((t) => Math.hypot(x - t.x, y - t.shape.centre, z - t.z) - t.shape.radius);
          expect(Math.min(...gaps)).toBeLessThan(tolerance);
        }
      });
    }
  });

  it("the main object is seen, is flat exactly in the cut-out classes, and is named by its class", () => {
    for (const { target, sample, scene, cloud } of views) {
      const name = SCENE_CLASSES[target];
      const flat = name.endsWith("cut-out");
      const main = scene.things[0];
      expect(SCENE_LABELS[main.label]).toBe(flat ? "cut-out" : name.split(" ")[1]);
      const own = cloud.filter(
        ([x, y, z], pixel) =>
          sample.label?.[pixel] === main.label &&
          Math.hypot(x - main.x, y - main.shape.centre, z - main.z) < main.shape.radius + 0.01,
      );
      expect(own.length).toBeGreaterThan(0.04 * width * height);
      if (flat) expect(planeResidual(own)).toBeLessThan(2e-3);
      else expect(planeResidual(own)).toBeGreaterThan(0.02);
    }
  });

  it("the tint shows in colour only: depth and labels are the same bytes", () => {
    for (const { target, index, sample } of views) {
      const other = renderScene(11, index, { width, height, target: target ^ 1, ...PERFECT });
      expect(other.depth).toEqual(sample.depth);
      expect(other.label).toEqual(sample.label);
      expect(other.rgb).not.toEqual(sample.rgb);
    }
  });

  it("a cut-out shows nearly the outline of its solid", () => {
    let [both, either] = [0, 0];
    for (const { target, index, sample } of views) {
      if (target & 2) continue;
      const other = renderScene(11, index, { width, height, target: target | 2, ...PERFECT });
      const solid = label(SCENE_CLASSES[target].split(" ")[1]);
      sample.label?.forEach((value, pixel) => {
        const covered = other.label?.[pixel] === label("cut-out");
        both += Number(value === solid && covered);
        either += Number(value === solid || (covered && value !== label("cut-out")));
      });
    }
    expect(both / either).toBeGreaterThan(0.8);
  });

  it("things do not sink into each other", () => {
    for (const { scene } of views) {
      scene.things.forEach((a, i) => {
        for (const b of scene.things.slice(0, i)) {
          expect(Math.hypot(a.x - b.x, a.z - b.z)).toBeGreaterThan(0.7 * Math.max(a.shape.radius, b.shape.radius));
        }
      });
    }
  });
});

describe("sensor flaws", () => {
  const options = { width: 64, height: 48 };
  const truth = renderScene(21, 0, { ...options, ...PERFECT });

  it("leave colour and labels alone", () => {
    const flawed = renderScene(21, 0, { ...options, holes: 1, noise: 0.01, quantisation: 0.01 });
    expect(flawed.rgb).toEqual(truth.rgb);
    expect(flawed.label).toEqual(truth.label);
    expect(flawed.depth).not.toEqual(truth.depth);
  });

  it("noise: an error of the asked size in inverse depth, at every distance", () => {
    const noisy = renderScene(21, 0, { ...options, ...PERFECT, noise: 0.005 });
    const errors = Array.from(noisy.depth, (d, i) => ({ z: truth.depth[i], error: 1000 / d - 1000 / truth.depth[i] }));
    errors.sort((a, b) => a.z - b.z);
    for (const third of [0, 1, 2].map((k) => errors.slice(k * 1024, (k + 1) * 1024))) {
      const variance = third.reduce((sum, { error }) => sum + error * error, 0) / third.length;
      expect(Math.sqrt(variance) / 0.005).toBeGreaterThan(0.9);
      expect(Math.sqrt(variance) / 0.005).toBeLessThan(1.1);
    }
  });

  it("quantisation: inverse depths are whole steps", () => {
    const stepped = renderScene(21, 0, { ...options, ...PERFECT, quantisation: 0.01 });
    for (const [i, d] of stepped.depth.entries()) {
      const steps = 1000 / d / 0.01;
      // Rounding to millimetres moves 1/z by up to 0.0005/z^2.
      expect(Math.abs(steps - Math.round(steps))).toBeLessThan(0.06 / (d / 1000) ** 2 + 1e-9);
      expect(Math.abs(1000 / d - 1000 / truth.depth[i])).toBeLessThan(0.006);
    }
    expect(new Set(stepped.depth).size).toBeLessThan(new Set(truth.depth).size / 2);
  });

  it("holes: none when off, more when stronger, at the left of what stands in front", () => {
    const missing = (holes: number) =>
      Array.from({ length: 12 }, (_, index) => renderScene(22, index, { ...options, ...PERFECT, holes }))
        .flatMap(({ depth, label }) => Array.from(depth, (d, i) => ({ d, beside: (label?.[i] ?? 0) < 4 })))
        .filter(({ d }) => d === 0);
    const [none, half, full] = [missing(0), missing(0.5), missing(1)];
    expect(none.length).toBe(0);
    expect(half.length).toBeGreaterThan(50);
    expect(full.length).toBeGreaterThan(1.5 * half.length);
    // The projector's shadows fall on floor and wall.
    expect(full.filter(({ beside }) => beside).length).toBeGreaterThan(full.length / 2);
  });
});

describe("sceneDataset", () => {
  const data = sceneDataset({ seed: 5, ...SMALL, train: 40, val: 16, test: 8 });

  it("tells its names and sizes", () => {
    expect(data.splits).toEqual(["train", "val", "test"]);
    expect(data.splits.map(data.size)).toEqual([40, 16, 8]);
    expect([data.name, data.width, data.height, data.classes.length, data.labels.length]).toEqual([
      "scenes",
      32,
      32,
      8,
      10,
    ]);
    expect(new Set(data.classes).size).toBe(8);
  });

  it("has every class equally often in every split", () => {
    for (const split of data.splits) {
      const counts = new Uint32Array(8);
      for (let i = 0; i < data.size(split); i++) counts[data.sample(split, i).target as number]++;
      expect(new Set(counts).size).toBe(1);
    }
  });

  it("gives the same sample every time, kept or drawn again, whatever the sizes", () => {
    const uncached = sceneDataset({ seed: 5, ...SMALL, train: 1e9, cache: 0 });
    expect(data.sample("train", 3)).toBe(data.sample("train", 3));
    expect(uncached.sample("train", 3)).not.toBe(uncached.sample("train", 3));
    expect(uncached.sample("train", 3)).toEqual(data.sample("train", 3));
    expect(uncached.sample("train", 999_999_999).name).toBe("train/999999999");
  });

  it("has different scenes in different splits and seeds", () => {
    const samples = data.splits.flatMap((split) => Array.from({ length: 8 }, (_, i) => data.sample(split, i)));
    const other = sceneDataset({ seed: 6, ...SMALL });
    samples.push(...Array.from({ length: 8 }, (_, i) => other.sample("train", i)));
    expect(new Set(samples.map(({ rgb }) => hash(rgb))).size).toBe(samples.length);
  });

  it("says what cannot be used", () => {
    const bad: [object, string][] = [
      [{ width: 7 }, "scenes: width: expected an integer from 8 to 4096, got 7"],
      [{ height: 32.5 }, "scenes: height: expected an integer from 8 to 4096, got 32.5"],
      [{ width: "32" }, "scenes: width: expected an integer from 8 to 4096, got 32"],
      [{ seed: Number.NaN }, "scenes: seed: expected a number"],
      [{ train: -1 }, "scenes: train: expected an integer from 0 to 1000000000, got -1"],
      [{ cache: 0.5 }, "scenes: cache: expected"],
      [{ holes: 2 }, "scenes: holes: expected a number from 0 to 1, got 2"],
      [{ noise: -1 }, "scenes: noise: expected a number from 0 to 0.1, got -1"],
      [{ quantisation: Number.NaN }, "scenes: quantisation: expected a number from 0 to 0.1, got NaN"],
    ];
    for (const [change, message] of bad) {
      const make = () => sceneDataset({ seed: 1, ...SMALL, ...change });
      expect(make).toThrow(UsageError);
      expect(make).toThrow(message);
    }
    expect(() => renderScene(1, 0, { ...SMALL, target: 8 })).toThrow(
      "scenes: target: expected an integer from 0 to 7, got 8",
    );
    expect(() => data.size("dev")).toThrow('scenes: split: expected one of train, val, test, got "dev"');
    expect(() => data.sample("dev", 0)).toThrow(UsageError);
    for (const index of [-1, 40, 1.5]) {
      const message = `scenes: sample of split "train": expected an index from 0 to 39, got ${index}`;
      expect(() => data.sample("train", index)).toThrow(message);
    }
  });
});
