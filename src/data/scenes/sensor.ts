import type { Rng } from "../../tensor/rng.ts";

/** Flaws of a structured-light depth camera; all zero for perfect depth. */
export interface SensorOptions {
  /**
   * Strength of missing returns, 0 (none) to 1: places that the projector, beside the lens, cannot light, and, by chance, dark or grazing
   * surfaces. Default 0.5.
   */
  readonly holes?: number;
  /** Standard deviation of inverse depth in 1/m; at z metres the error is noise * z^2. Default 0.0014, about that of the first Kinect. */
  readonly noise?: number;
  /** Step of inverse depth in 1/m; at z metres depths are quantisation * z^2 apart. Default 0.0028, about that of the first Kinect. */
  readonly quantisation?: number;
}

/** Distance of the projector from the lens, in metres. Source: Khoshelham and Elberink, Sensors 12 (2012), the first Kinect. */
export const BASELINE = 0.075;

/** Greatest depth that fits into the 16 bits of a sample, in metres. */
const FARTHEST = 65.535;

/**
 * What the sensor reports for a surface at `z` metres: whole millimetres, 0 for no return.
 *
 * Source: Khoshelham and Elberink, "Accuracy and resolution of Kinect depth data", Sensors 12 (2012): error and step grow with z^2.
 *
 * @param facing Cosine between the surface normal and the direction to the sensor.
 * @param brightness Reflectance of the surface, 0 to 1.
 * @param shadowed Whether the projector cannot light it.
 */
export function sense(
  rng: Rng,
  sensor: Required<SensorOptions>,
  z: number,
  facing: number,
  brightness: number,
  shadowed: boolean,
): number {
  const chance = rng.uniform();
  // The sum of four uniform bytes is near enough to normal, and cheap; its variance is 4 (256^2 - 1) / 12.
  const bytes = rng.uint32();
  const sum = (bytes & 255) + ((bytes >>> 8) & 255) + ((bytes >>> 16) & 255) + (bytes >>> 24);
  const error = (sum - 510) / 147.8;
  const grazing = Math.max(0, 1 - facing / 0.2);
  const dark = Math.max(0, 1 - brightness / 0.02);
  if (chance < sensor.holes * Math.max(shadowed ? 1 : 0, grazing, 0.3 * dark)) return 0;
  let inverse = 1 / z + sensor.noise * error;
  if (sensor.quantisation > 0) inverse = Math.floor(inverse / sensor.quantisation + 0.5) * sensor.quantisation;
  if (!(inverse > 1 / FARTHEST)) return 0;
  return Math.min(65535, Math.floor(1000 / inverse + 0.5));
}
