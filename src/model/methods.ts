import type { Module } from "../nn/module.ts";
import { Init } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { networkParts } from "./architectures.ts";
import { Judge } from "./judge.ts";
import { type Method, type NetworkConfig, type Parts, twoModalities } from "./method.ts";
import { existsAmong, type MethodName, methods } from "./registry.ts";
import { alignedWidths } from "./task.ts";

export type { Answering, DeviceBatch, Method, Modality, NetworkConfig, Prediction, Seen } from "./method.ts";
export { predict, twoModalities } from "./method.ts";
export type { Length, MethodEntry, MethodName, NeedsConfig, Read, Role } from "./registry.ts";
export { existsAmong, methods, privilegedOf, workOf } from "./registry.ts";

/**
 * Builds a method with fresh weights that depend on `rng` only; training it needs the networks that it learns from, and
 * `begin()` first where it has that.
 * @throws UsageError when it is trained without a network that it needs, or not with these modalities.
 */
export function buildMethod(
  name: MethodName,
  device: Device,
  rng: Rng,
  config: NetworkConfig,
  needed: Readonly<Record<string, Method>> = {},
): Method {
  const { seen, available, role, build } = methods[name];
  const { modalities = twoModalities } = config;
  if (!existsAmong(name, modalities)) {
    throw new UsageError(`${name}: expected other modalities than ${modalities.join(", ")} to train it with`);
  }
  const network = networkParts(new Init(device, rng), config, available);
  const { task, encoder, init } = network;
  // P is not smoothed: its soft predictions are what is learnt from.
  const judge = new Judge(init, config.classWeights ?? null, role === "privileged" ? 0 : config.weights.smoothing);
  const need = (part: string) => {
    const found = needed[part];
    if (found) return found;
    throw new UsageError(`${name}: expected a trained network as ${part}, got none`);
  };
  const parts: Parts = {
    ...network,
    ...{ config, judge, deepest: alignedWidths(task, encoder).at(-1)!, need },
    teach: (part, batch) => need(part).teach!(batch),
  };
  const { beside = new Map<string, Module>(), ...built } = build(parts);
  for (const method of Object.values(needed)) method.network.freeze();
  const trained = new Map<string, Module>([["network", built.network], ...beside, ["judge", judge]]);
  return { name, task, seen, half: config.precision === "f16", trained, ...built };
}
