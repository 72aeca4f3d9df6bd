import { measureCeilings } from "../kernels/ceilings.ts";
import type { Module } from "../nn/module.ts";
import { nameLayers } from "../nn/naming.ts";
import type { GpuDevice } from "../tensor/device.ts";
import type { Profile } from "../tensor/profile.ts";
import { type ProfileOptions, profileProgram } from "../tensor/profiler.ts";
import type { Program } from "../tensor/program.ts";
import type { Method } from "./methods.ts";
import { Predictor } from "./predictor.ts";
import type { HostBatch, Trainer } from "./train.ts";

/** How a step is profiled: as a program is, and which modules beside the trained ones are named as layers. */
export interface StepProfileOptions extends Omit<ProfileOptions, "step"> {
  /** Modules that the step uses besides, such as a frozen teacher, by the names they get. */
  modules?: ReadonlyMap<string, Module>;
}

/**
 * Says where the time of a training step on such batches goes, with the adapter's ceilings measured first unless `limits`
 * are given. The trainer takes the steps, so its weights change; it must not have seen a batch of this shape before, or
 * layers stay without names.
 * @throws UsageError if `runs` is no whole number from 1, or the trainer accumulates several rounds a step.
 */
export async function profileTraining(
  device: GpuDevice,
  trainer: Trainer,
  host: HostBatch,
  { modules = new Map(), ...options }: StepProfileOptions = {},
): Promise<Profile> {
  const { trained } = trainer.method;
  const named = new Map([...trained].map(([part, module]) => [part === "network" ? "" : part, module]));
  const limits = options.limits === undefined ? await measureCeilings(device) : options.limits;
  const program = recorded(new Map([...named, ...modules]), () => trainer.program(host));
  return profileProgram(program, { ...options, limits, step: () => trainer.step(host) });
}

/**
 * Says where the time of predicting such batches goes, with the adapter's ceilings measured first unless `limits` are given.
 * @throws UsageError if `runs` is no whole number from 1.
 */
export async function profilePrediction(
  device: GpuDevice,
  method: Method,
  host: HostBatch,
  { modules = new Map(), ...options }: StepProfileOptions = {},
): Promise<Profile> {
  const limits = options.limits === undefined ? await measureCeilings(device) : options.limits;
  const predictor = new Predictor(device, method);
  const step = () => (method.task === "segment" ? predictor.maps(host) : predictor.images(host));
  try {
    const program = recorded(new Map([["", method.network], ...modules]), () => predictor.program(host));
    return await profileProgram(program, { ...options, limits, step });
  } finally {
    predictor.dispose();
  }
}

/** Records while the modules are named. */
function recorded(modules: ReadonlyMap<string, Module>, record: () => Program): Program {
  const end = nameLayers(modules);
  try {
    return record();
  } finally {
    end();
  }
}
