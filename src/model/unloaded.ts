import { Init } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import type { Rng } from "../tensor/rng.ts";

const nothing: Pick<Rng, "fork" | "uniform" | "fillNormal"> = {
  fork: () => nothing as Rng,
  uniform: () => 0,
  fillNormal() {},
};

/** Draws nothing: what is read from a file need not be drawn before, which takes seconds for a large network. */
export const noDraws = nothing as Rng;

/** Where networks are made whose weights are to be loaded: they are 0 until then. */
export function unloadedInit(device: Device): Init {
  return new Init(device, noDraws);
}
