import type { Module } from "../nn/module.ts";
import { Init } from "../nn/module.ts";
import type { Device } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { admdHallucination } from "./baselines/admd.ts";
import { ensemble, garciaHallucination, garciaStreams, hoffman, tunedTogether } from "./baselines/averaged.ts";
import { mshnet } from "./baselines/mshnet.ts";
import { modalityDropout, modalityDropped, oneStage, rgbd, twoStage } from "./baselines/onestage.ts";
import { adapted, distilled, generalized, plain } from "./baselines/student.ts";
import { encoderConfig } from "./encoder.ts";
import { Judge } from "./judge.ts";
import {
  type Built,
  channels,
  type Method,
  type Modality,
  type NetworkConfig,
  type Parts,
  type Seen,
} from "./method.ts";
import { type ObjectiveWeights, transfers } from "./objective.ts";
import { SingleNetwork } from "./single.ts";
import { alignedWidths } from "./task.ts";

export type { DeviceBatch, Method, Modality, NetworkConfig, Prediction, Seen } from "./method.ts";
export { predict } from "./method.ts";

/** What a method is there for: "step" is a network that only leads to others, "privileged" one that only teaches. */
export type Role = "baseline" | "privileged" | "ours" | "upper bound" | "step";

/** The part of the recipe's epochs that a method trains: all, those of privileged networks, half (to tune), or none. */
export type Length = "full" | "privileged" | "fine" | "none";

/** A setting that only some methods look at. */
export type Read = keyof ObjectiveWeights | "extra" | "fusion" | "fusionBlock" | "privileged" | "teacher";

/** How a network is trained, and what it sees when it is used. */
export interface MethodEntry {
  readonly title: string;
  readonly seen: Seen;
  /** The modality of its first stream; the one that it sees, where that is one. */
  readonly available: Modality;
  readonly role: Role;
  /** Networks that must be trained before, by what they are for. */
  readonly needs: (
    config: Pick<NetworkConfig, "privileged" | "teacher" | "weights">,
  ) => Readonly<Record<string, MethodName>>;
  readonly length: Length;
  /** Its peak learning rate as a share of the recipe's. */
  readonly rate: number;
  /** Work of a training step in units of a single stream's. */
  readonly work: number;
  /** The settings beyond those of all networks that decide its weights. */
  readonly reads: readonly Read[];
  readonly build: (parts: Parts) => Built;
}

/** Methods that exist for either modality at test time. */
type Kind =
  | "privileged"
  | "second"
  | "ensemble"
  | "kd"
  | "kd-both"
  | "generalized"
  | "dropout"
  | "hoffman"
  | "garcia-streams"
  | "garcia-hallucination"
  | "garcia"
  | "admd-hallucination"
  | "admd"
  | "mshnet-student"
  | "mshnet"
  | "hallucination"
  | "two-stage"
  | "one-stage";

/** A method's name. */
export type MethodName = `${Modality}-only` | `${Kind}-${Modality}` | "modality-dropout" | "rgbd";

const jan = ["alpha", "beta", "temperature", "jmmd", "sigmoid", "extra"] as const;
const words = { rgb: "RGB", depth: "depth" } as const;

type Entries = Partial<Record<MethodName, MethodEntry>>;

/** The methods for one modality at test time. */
function methodsFor(own: Modality): Entries {
  const other: Modality = own === "rgb" ? "depth" : "rgb";
  const [word, otherWord] = [words[own], words[other]];
  const entry = (
    title: string,
    build: MethodEntry["build"],
    { needs = () => ({}), ...rest }: Partial<MethodEntry> = {},
  ): MethodEntry => ({
    ...{
      title,
      seen: own,
      available: own,
      role: "baseline",
      length: "full",
      rate: 1,
      work: 1,
      reads: ["smoothing"],
      build,
      needs,
    },
    ...rest,
  });
  const needs = (list: Record<string, MethodName>) => ({ needs: () => list });
  const step = { role: "step" } as const;
  const fine = { length: "fine", rate: 0.1, work: 2 } as const;
  const alone: MethodName = `${own}-only`;
  const privileged: MethodName = `privileged-${other}`;
  const capital = own === "rgb" ? "RGB" : "Depth";
  return {
    [alone]: entry(`${capital} only`, plain),
    [`privileged-${own}`]: entry(`Privileged ${word} network`, plain, {
      ...{ role: "privileged", length: "privileged", reads: [] },
    }),
    [`second-${own}`]: entry(`Second ${word} network`, plain, step),
    [`ensemble-${own}`]: entry(`Ensemble of two ${word} networks`, ensemble, {
      ...needs({ first: alone, second: `second-${own}` }),
      ...{ length: "none", work: 2 },
    }),
    [`kd-${own}`]: entry(`Distilled from ${otherWord}`, distilled, {
      ...needs({ teacher: privileged }),
      ...{ work: 4 / 3, reads: ["smoothing", "kd", "temperature", "extra"] },
    }),
    [`kd-both-${own}`]: entry("Distilled from RGB-D", distilled, {
      ...needs({ teacher: "rgbd" }),
      ...{ work: 5 / 3, reads: ["smoothing", "kd", "temperature", "extra"] },
    }),
    [`generalized-${own}`]: entry(`Generalized distillation from ${otherWord}`, generalized, {
      ...needs({ teacher: privileged }),
      ...{ work: 4 / 3, reads: [] },
    }),
    [`dropout-${own}`]: entry(`Modality dropout, ${word} at test`, modalityDropped, {
      ...needs({ trained: "modality-dropout" }),
      ...{ length: "none", work: 2, reads: ["smoothing", "lambda", "fusion", "fusionBlock"] },
    }),
    [`hoffman-${own}`]: entry("Hallucination (Hoffman)", hoffman, { ...needs({ privileged }), work: 7 / 3 }),
    [`garcia-streams-${own}`]: entry(`Two streams tuned together, ${word} first`, garciaStreams, {
      ...step,
      ...fine,
      ...{ seen: "both", ...needs({ available: alone, privileged }) },
    }),
    [`garcia-hallucination-${own}`]: entry(`Garcia's hallucination stream on ${word}`, garciaHallucination, {
      ...step,
      ...{ work: 4 / 3, reads: [], ...needs({ streams: `garcia-streams-${own}` }) },
    }),
    [`garcia-${own}`]: entry("Modality distillation (Garcia)", tunedTogether, {
      ...fine,
      ...needs({ available: `garcia-streams-${own}`, hallucination: `garcia-hallucination-${own}` }),
    }),
    [`admd-hallucination-${own}`]: entry(`ADMD's hallucination stream on ${word}`, admdHallucination, {
      ...step,
      ...{ rate: 0.1, work: 3, reads: [], ...needs({ privileged }) },
    }),
    [`admd-${own}`]: entry("Adversarial distillation (ADMD)", tunedTogether, {
      ...fine,
      ...needs({ available: alone, hallucination: `admd-hallucination-${own}` }),
    }),
    [`mshnet-student-${own}`]: entry(`MSHNet's student on ${word}`, adapted, {
      ...step,
      ...{ work: 5 / 3, reads: ["smoothing", "hall", ...jan], ...needs({ teacher: "rgbd" }) },
    }),
    [`mshnet-${own}`]: entry("Two-stage ensemble (MSHNet)", mshnet, {
      ...fine,
      ...{ work: 2 / 3, ...needs({ student: `mshnet-student-${own}`, second: alone }) },
    }),
    [`hallucination-${own}`]: entry(`Hallucination stream on ${word}, by itself`, adapted, {
      ...step,
      ...{ work: 4 / 3, reads: ["smoothing", "hall", ...jan], ...needs({ teacher: privileged }) },
    }),
    [`two-stage-${own}`]: entry(`Two-stage JAN and CTN, ${word} at test`, twoStage, {
      ...needs({ hallucination: `hallucination-${own}` }),
      ...{ work: 4 / 3, reads: ["smoothing", "lambda", "fusion", "fusionBlock"] },
    }),
    [`one-stage-${own}`]: entry(`One-stage, ${word} at test`, oneStage, {
      role: "ours",
      needs: ({ privileged: how, teacher = "missing", weights }): Readonly<Record<string, MethodName>> =>
        how === "online" || !transfers(weights) ? {} : { privileged: teacher === "both" ? "rgbd" : privileged },
      work: 7 / 3,
      reads: ["smoothing", "hall", ...jan, "restore", "lambda", "fusion", "privileged", "teacher", "fusionBlock"],
    }),
  };
}

const bothSeen: Omit<MethodEntry, "title" | "role" | "build"> = {
  seen: "both",
  available: "rgb",
  needs: () => ({}),
  length: "full",
  rate: 1,
  work: 2,
  reads: ["smoothing", "lambda", "fusion", "fusionBlock"],
};

/** The methods by name: all of method.md (b), the one-stage network and what they are trained from. */
export const methods = {
  ...methodsFor("rgb"),
  ...methodsFor("depth"),
  "modality-dropout": { ...bothSeen, title: "Modality dropout", role: "step", build: modalityDropout },
  rgbd: { ...bothSeen, title: "RGB-D", role: "upper bound", build: rgbd },
} as Readonly<Record<MethodName, MethodEntry>>;

/** The privileged modality of a one-stage method; null for all others. */
export function privilegedOf(name: MethodName): Modality | null {
  if (methods[name].role !== "ours") return null;
  return methods[name].seen === "rgb" ? "depth" : "rgb";
}

/**
 * Builds a method with fresh weights that depend on `rng` only; training it needs the networks that it learns from, and
 * `begin()` first where it has that.
 * @throws UsageError when it is trained without a network that it needs.
 */
export function buildMethod(
  name: MethodName,
  device: Device,
  rng: Rng,
  config: NetworkConfig,
  needed: Readonly<Record<string, Method>> = {},
): Method {
  const { seen, available, role, build } = methods[name];
  const { task = "classify", classes, weights } = config;
  const half = config.precision === "f16";
  const encoder = { ...encoderConfig(config.model), recompute: config.recompute ?? false, half };
  const init = new Init(device, rng);
  // P is not smoothed: its soft predictions are what is learnt from.
  const judge = new Judge(init, config.classWeights ?? null, role === "privileged" ? 0 : weights.smoothing);
  const parts: Parts = {
    ...{ init, config, task, encoder, judge, available },
    missing: available === "rgb" ? "depth" : "rgb",
    deepest: alignedWidths(task, encoder).at(-1)!,
    single: (at, modality) => new SingleNetwork(at, channels[modality], classes, encoder, task),
    given: (part) => needed[part] ?? null,
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
