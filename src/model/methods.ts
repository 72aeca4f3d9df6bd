import type { Module } from "../nn/module.ts";
import { Init } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { encoderConfig } from "./encoder.ts";
import { Judge } from "./judge.ts";
import { channels, type Method, missingFrom, type NetworkConfig, type Parts, twoModalities } from "./method.ts";
import { existsAmong, type MethodName, methods } from "./registry.ts";
import { SingleNetwork } from "./single.ts";
import { alignedWidths } from "./task.ts";

export type { DeviceBatch, Method, Modality, NetworkConfig, Prediction, Seen } from "./method.ts";
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
  const { task = "classify", classes, weights } = config;
  const half = config.precision === "f16";
  const encoder = { ...encoderConfig(config.model), recompute: config.recompute ?? false, half };
  const init = new Init(device, rng);
  // P is not smoothed: its soft predictions are what is learnt from.
  const judge = new Judge(init, config.classWeights ?? null, role === "privileged" ? 0 : weights.smoothing);
  const parts: Parts = {
    ...{ init, config, task, encoder, judge, available },
    ...{ modalities, missing: missingFrom(modalities, available) },
    deepest: alignedWidths(task, encoder).at(-1)!,
    single: (at, modality) => new SingleNetwork(at, channels[modality], classes, encoder, task),
    need(part) {
      const found = needed[part];
      if (found) return found;
      throw new UsageError(`${name}: expected a trained network as ${part}, got none`);
    },
  };
  const { beside = new Map<string, Module>(), ...built } = build(parts);
  for (const method of Object.values(needed)) method.network.freeze();
  const trained = new Map<string, Module>([["network", built.network], ...beside, ["judge", judge]]);
  return { name, task, seen, half, trained, ...built };
}
