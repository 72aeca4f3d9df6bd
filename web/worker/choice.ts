import { existsAmong, methods, twoModalities } from "../../src/model/methods.ts";
import { folderPreset, scenesPreset, segmentPreset } from "../../src/run/presets.ts";
import type { Settings } from "../../src/run/settings.ts";
import { UsageError } from "../../src/tensor/errors.ts";
import type { RunChoice } from "../train/types.ts";

/** The settings of a run, as the command line has them for the same choice. @throws UsageError naming what cannot be used */
export function settingsOf(choice: RunChoice): Settings {
  const { task, method, seed, size, scenes, validation, epochs, batch, lr } = choice;
  within("seed", seed, 0, 2 ** 32 - 1);
  within("image size", size, 8, 256);
  within("scenes per epoch", scenes, 2, 100_000);
  within("scenes to check on", validation, 1, 100_000);
  within("epochs", epochs, 1, 1000);
  within("images per step", batch, 2, scenes);
  if (!(lr >= 1e-9 && lr <= 10)) throw new UsageError(`learning rate: expected a number from 1e-9 to 10, got ${lr}`);
  if (!Object.hasOwn(methods, method) || !existsAmong(method, twoModalities)) {
    throw new UsageError(`network: expected a method of colour and depth, got ${method}`);
  }
  return {
    ...scenesPreset,
    ...(task === "segment" ? segmentPreset : {}),
    ...{ task, methods: method, seed, size, epochs, batch, lr },
    scenes: [scenes, validation, validation].join(","),
    privilegedEpochs: Math.min(epochs, folderPreset.privilegedEpochs),
  };
}

/** @throws UsageError naming a number that is not whole or not within its bounds. */
export function within(what: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new UsageError(`${what}: expected a whole number from ${low} to ${high}, got ${value}`);
}
