import { UsageError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import type { Dataset, Sample } from "../sample.ts";
import { CLASSES, compose } from "./compose.ts";
import { render } from "./render.ts";
import { LABELS } from "./scene.ts";
import type { SensorOptions } from "./sensor.ts";

export { CLASSES as SCENE_CLASSES } from "./compose.ts";
export { LABELS as SCENE_LABELS } from "./scene.ts";

/** How one scene is drawn. */
export interface RenderOptions extends SensorOptions {
  /** Pixels per row, 8 to 4096. */
  readonly width: number;
  /** Rows, 8 to 4096. */
  readonly height: number;
  /** Class of the main object; drawn from the scene's stream if not given. */
  readonly target?: number;
  /** Four colour rays per pixel instead of one. Default true. */
  readonly antialias?: boolean;
}

/** A dataset of generated scenes. */
export interface SceneOptions extends Omit<RenderOptions, "target"> {
  /** Any finite number; another seed gives other scenes throughout. */
  readonly seed: number;
  /** Number of training scenes. Default 2048. */
  readonly train?: number;
  /** Number of validation scenes. Default 512. */
  readonly val?: number;
  /** Number of test scenes. Default 512. */
  readonly test?: number;
  /** Greatest number of samples kept in memory, 6 bytes per pixel each; others are drawn again when asked for. Default 8192. */
  readonly cache?: number;
}

function checkNumber(option: string, value: number, low: number, high: number, whole: boolean): number {
  if (typeof value === "number" && value >= low && value <= high && (!whole || Number.isInteger(value))) return value;
  const kind = whole ? "an integer" : "a number";
  throw new UsageError(`scenes: ${option}: expected ${kind} from ${low} to ${high}, got ${String(value)}`);
}

function checkRender(options: RenderOptions): Required<SensorOptions> {
  checkNumber("width", options.width, 8, 4096, true);
  checkNumber("height", options.height, 8, 4096, true);
  if (options.target !== undefined) checkNumber("target", options.target, 0, CLASSES.length - 1, true);
  return {
    holes: checkNumber("holes", options.holes ?? 0.5, 0, 1, false),
    noise: checkNumber("noise", options.noise ?? 0.0014, 0, 0.1, false),
    quantisation: checkNumber("quantisation", options.quantisation ?? 0.0028, 0, 0.1, false),
  };
}

/**
 * Draws one generated scene: a main object whose class is the target, in a furnished room.
 *
 * A pure function of its arguments, with the same bytes in every engine. Resolution does not change what is seen.
 *
 * @throws UsageError naming the option that cannot be used.
 */
export function renderScene(seed: number, index: number | string, options: RenderOptions): Sample {
  const sensor = checkRender(options);
  const { width, height } = options;
  const rng = new Rng(seed, "scene", index);
  const target = options.target ?? rng.int(CLASSES.length);
  const scene = compose(rng, target);
  const view = render(scene, width, height, options.antialias ?? true, sensor, rng.fork("sensor"));
  return { name: String(index), width, height, target, ...view };
}

/**
 * The built-in dataset: rooms with one main object, a ball or a can, solid or a flat cut-out photograph, of warm or cool colours.
 *
 * Colour shows shape and tint, and only hints at what is flat; depth shows shape and flatness, but no tint. Pixel classes are alike:
 * rugs and pictures have no depth of their own, cut-outs no colour of their own.
 *
 * @throws UsageError naming the option that cannot be used.
 */
export function sceneDataset(options: SceneOptions): Dataset {
  const { seed, train = 2048, val = 512, test = 512, cache = 8192, ...drawing } = options;
  checkNumber("seed", seed, -Number.MAX_VALUE, Number.MAX_VALUE, false);
  checkRender(drawing);
  checkNumber("cache", cache, 0, 1e9, true);
  const sizes = new Map(Object.entries({ train, val, test }));
  for (const [split, size] of sizes) checkNumber(split, size, 0, 1e9, true);
  const kept = new Map<string, Sample>();

  const size = (split: string) => {
    const count = sizes.get(split);
    if (count === undefined) {
      throw new UsageError(`scenes: split: expected one of ${[...sizes.keys()].join(", ")}, got "${split}"`);
    }
    return count;
  };
  return {
    name: "scenes",
    width: drawing.width,
    height: drawing.height,
    splits: [...sizes.keys()],
    classes: CLASSES,
    labels: LABELS,
    size,
    sample(split, index) {
      const count = size(split);
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new UsageError(
          `scenes: sample of split "${split}": expected an index from 0 to ${count - 1}, got ${index}`,
        );
      }
      const name = `${split}/${index}`;
      const known = kept.get(name);
      if (known) return known;
      const sample = renderScene(seed, name, { ...drawing, target: index % CLASSES.length });
      if (kept.size < cache) kept.set(name, sample);
      return sample;
    },
  };
}
