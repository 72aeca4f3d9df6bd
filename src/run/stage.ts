import { buildMethod, type Method, type MethodName, methods } from "../model/methods.ts";
import type { Stage } from "../model/plan.ts";
import { Trainer } from "../model/train.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { Rng } from "../tensor/rng.ts";
import { type Learnt, type RunShape, stepsPerEpoch } from "./batches.ts";
import { networkConfig, trainConfig } from "./settings.ts";

/** A stage's method with fresh weights. */
export function freshMethod(
  device: GpuDevice,
  { settings, dataset }: Pick<RunShape, "settings" | "dataset">,
  name: MethodName,
  needed: Readonly<Record<string, Method>> = {},
): Method {
  const rng = new Rng(settings.seed, "network", name);
  return buildMethod(name, device, rng, networkConfig(settings, dataset), needed);
}

/** Networks that a stage needs, made by `make`, by what they are for. */
async function needed({ needs }: Stage, make: (name: MethodName) => Method | Promise<Method>) {
  const made = Object.entries(needs).map(async ([part, name]) => [part, await make(name)] as const);
  return Object.fromEntries(await Promise.all(made));
}

/** Frees a method with everything that is trained with it. */
export function disposeMethod({ network, trained }: Method): void {
  for (const module of new Set([network, ...trained.values()])) module.dispose();
}

/** A method that is being trained, its trainer, and what frees both at the end. */
export interface OpenStage {
  method: Method;
  trainer: Trainer;
  dispose(): void;
}

/**
 * A stage's method and trainer. `trained` gives a method with the weights of an earlier stage, `prepare` changes the fresh
 * weights that the stage starts from.
 */
export async function openStage(
  device: GpuDevice,
  run: Learnt,
  stage: Stage,
  trained: (name: MethodName) => Method | Promise<Method>,
  prepare?: (method: Method) => Promise<void>,
): Promise<OpenStage> {
  const { settings } = run;
  const earlier = await needed(stage, trained);
  const method = freshMethod(device, run, stage.name, earlier);
  await prepare?.(method);
  await method.begin?.();
  const perEpoch = stepsPerEpoch(run);
  const { rate } = methods[stage.name];
  const training = trainConfig(settings, stage.epochs * perEpoch, { rate, perEpoch });
  const trainer = new Trainer(device, method, training, new Rng(settings.seed, "steps", stage.name));
  return opened(method, trainer, earlier);
}

/** A stage's method and trainer with fresh weights, to be thrown away, and what to free then. */
export async function openRehearsal(device: GpuDevice, shape: RunShape, stage: Stage): Promise<OpenStage> {
  const earlier = await needed(stage, (name) => freshMethod(device, shape, name));
  const method = freshMethod(device, shape, stage.name, earlier);
  await method.begin?.();
  const trainer = new Trainer(device, method, trainConfig(shape.settings, 1), new Rng(shape.settings.seed));
  return opened(method, trainer, earlier);
}

/** A stage with the networks that it learns from. */
function opened(method: Method, trainer: Trainer, earlier: Readonly<Record<string, Method>>): OpenStage {
  const dispose = () => {
    trainer.dispose();
    for (const own of [method, ...Object.values(earlier)]) disposeMethod(own);
  };
  return { method, trainer, dispose };
}
