import type { ArchitectureName } from "./architectures.ts";
import { admdHallucination } from "./baselines/admd.ts";
import { ensemble, garciaHallucination, garciaStreams, hoffman, tunedTogether } from "./baselines/averaged.ts";
import { mmanetNetwork } from "./baselines/mmanet.ts";
import { mshnet } from "./baselines/mshnet.ts";
import {
  modalityDropout,
  modalityDropped,
  modDrop,
  modDropped,
  oneStage,
  twoStage,
  upperBound,
} from "./baselines/onestage.ts";
import {
  adapted,
  distilled,
  generalized,
  mshnetStudent,
  plain,
  privileged as privilegedAlone,
} from "./baselines/student.ts";
import {
  type Built,
  type Modality,
  missingFrom,
  modalityNames,
  type NetworkConfig,
  type Parts,
  partFor,
  type Seen,
  twoModalities,
} from "./method.ts";
import { type ObjectiveWeights, transfers } from "./objective.ts";

/** What a method is there for: "step" is a network that only leads to others, "privileged" one that only teaches. */
export type Role = "baseline" | "privileged" | "ours" | "upper bound" | "step";

/** The part of the recipe's epochs that a method trains: all, those of privileged networks, half (to tune), or none. */
export type Length = "full" | "privileged" | "fine" | "none";

/** A setting that only some methods look at. */
export type Read =
  | keyof ObjectiveWeights
  | (
      | "extra"
      | "ramp"
      | "fusion"
      | "fusionBlock"
      | "fusionNorm"
      | "privileged"
      | "privilegedGates"
      | "teacher"
      | "hallInit"
    );

/** With how many modalities a method can be trained: only two (colour and depth), only three (infrared too), or either. */
export type Among = "two" | "three" | "any";

/** What decides which networks a method learns from. */
export type NeedsConfig = Pick<
  NetworkConfig,
  "privileged" | "privilegedGates" | "teacher" | "hallInit" | "weights" | "modalities"
>;

/** How a network is trained, and what it sees when it is used. */
export interface MethodEntry {
  readonly title: string;
  readonly seen: Seen;
  /** The modality of its first stream; the one that it sees, where that is one. */
  readonly available: Modality;
  readonly role: Role;
  readonly among: Among;
  /** Networks that must be trained before, by what they are for. */
  readonly needs: (config: NeedsConfig) => Readonly<Record<string, MethodName>>;
  readonly length: Length;
  /** Its peak learning rate as a share of the recipe's. */
  readonly rate: number;
  /** Whether a stream of its, or of one that it needs, starts from P: that must be a plain network then. */
  readonly fromPrivileged?: true;
  /** Work of a training step in units of a single stream's. */
  readonly work: number;
  /** The settings beyond those of all networks that decide its weights. */
  readonly reads: readonly Read[];
  /** Counts changes of how it trains, if there were any since the first: a comparison trains it again then. */
  readonly revision?: (config: NeedsConfig) => number;
  /** The form of the network that is deployed. */
  readonly architecture: ArchitectureName;
  readonly build: (parts: Parts) => Built;
}

/** Methods that exist for each modality at test time. */
type Kind =
  | "privileged"
  | "second"
  | "ensemble"
  | "kd"
  | "kd-all"
  | "generalized"
  | "dropout"
  | "moddrop"
  | "mshnet-student"
  | "mshnet"
  | "one-stage";

/** Methods for colour or depth at test time, of which the other is the only one missing. */
type PairKind =
  | "kd-both"
  | "hoffman"
  | "garcia-streams"
  | "garcia-hallucination"
  | "garcia"
  | "admd-hallucination"
  | "admd"
  | "hallucination"
  | "two-stage"
  | "mmanet-network"
  | "mmanet";

/** The networks that see all modalities: of two, and of three. */
type AllSeeing = "rgbd" | "rgbd-ir" | `${"modality-dropout" | "moddrop-network"}${"" | "-all"}`;

/** A method's name. */
export type MethodName = `${Modality}-only` | `${Kind}-${Modality}` | `${PairKind}-${"rgb" | "depth"}` | AllSeeing;

/** The settings of how the transfer terms are computed; all came after the first keys of stages. */
export const janForm = ["klPixels", "aligned", "jmmdEstimate", "jmmdLayers", "feature", "featureLoss", "ramp"] as const;
const jan = ["alpha", "beta", "temperature", "jmmd", "sigmoid", "extra", ...janForm] as const;
const kd = ["smoothing", "kd", "temperature", "extra", "klPixels", "feature", "featureLoss"] as const;
const fused = ["fusion", "fusionBlock", "fusionNorm"] as const;
const words = { rgb: "RGB", depth: "depth", ir: "infrared" } as const;
const capitals = { rgb: "RGB", depth: "Depth", ir: "Infrared" } as const;

/** Whether infrared is one of the modalities. */
function three({ modalities = twoModalities }: Pick<NetworkConfig, "modalities">): boolean {
  return modalities.includes("ir");
}

/** The network that sees all modalities. */
function upperBoundOf(config: Pick<NetworkConfig, "modalities">): MethodName {
  return three(config) ? "rgbd-ir" : "rgbd";
}

/** The frozen networks that streams for the missing modalities are held to, one each or one for all, and the fused head. */
function teachersOf(own: Modality, config: NeedsConfig): Readonly<Record<string, MethodName>> {
  const { privileged, teacher, hallInit, weights, modalities = twoModalities } = config;
  const whole: Record<string, MethodName> = weights.fused > 0 ? { all: upperBoundOf(config) } : {};
  if (privileged === "online" || !(transfers(weights) || hallInit === "privileged")) return whole;
  if (teacher === "both") return { privileged: upperBoundOf(config), ...whole };
  const missing = missingFrom(modalities, own);
  const each = missing.map((one) => [partFor("privileged", one, missing), `privileged-${one}` as const]);
  return { ...Object.fromEntries(each), ...whole };
}

type Entries = Partial<Record<MethodName, MethodEntry>>;

/** The methods for one modality at test time. */
function methodsFor(own: Modality): Entries {
  // What is learnt from where a method learns from one modality only.
  const other: Modality = own === "depth" ? "rgb" : "depth";
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
      among: own === "ir" ? "three" : "any",
      length: "full",
      rate: 1,
      work: 1,
      reads: ["smoothing"],
      architecture: "single",
      build,
      needs,
    },
    ...rest,
  });
  const needs = (list: Record<string, MethodName>) => ({ needs: () => list });
  const step = { role: "step" } as const;
  // Taken out again for infrared.
  const pair = { among: "two" } as const;
  const one = own as "rgb" | "depth";
  const fine = { length: "fine", rate: 0.1, work: 2 } as const;
  const alone: MethodName = `${own}-only`;
  const privileged: MethodName = `privileged-${other}`;
  const entries: Entries = {
    [alone]: entry(`${capitals[own]} only`, plain),
    [`privileged-${own}`]: entry(`Privileged ${word} network`, privilegedAlone, {
      ...{ role: "privileged", length: "privileged", reads: ["privilegedGates"] },
    }),
    [`second-${own}`]: entry(`Second ${word} network`, plain, step),
    [`ensemble-${own}`]: entry(`Ensemble of two ${word} networks`, ensemble, {
      architecture: "ensemble",
      ...needs({ first: alone, second: `second-${own}` }),
      ...{ length: "none", work: 2 },
    }),
    [`kd-${own}`]: entry(`Distilled from ${otherWord}`, distilled, {
      ...needs({ teacher: privileged }),
      ...{ work: 4 / 3, reads: kd },
    }),
    [`kd-both-${own}`]: entry("Distilled from RGB-D", distilled, {
      ...pair,
      ...needs({ teacher: "rgbd" }),
      ...{ work: 5 / 3, reads: kd },
    }),
    [`kd-all-${own}`]: entry("Distilled from RGB-D and infrared", distilled, {
      ...{ among: "three", ...needs({ teacher: "rgbd-ir" }) },
      ...{ work: 2, reads: kd },
    }),
    [`generalized-${own}`]: entry(`Generalized distillation from ${otherWord}`, generalized, {
      ...needs({ teacher: privileged }),
      ...{ work: 4 / 3, reads: [] },
    }),
    [`dropout-${own}`]: entry(`Modality dropout, ${word} at test`, modalityDropped, {
      architecture: "multimodal-by-one",
      needs: (config) => ({ trained: three(config) ? "modality-dropout-all" : "modality-dropout" }),
      ...{ length: "none", work: 2, reads: ["smoothing", ...fused] },
    }),
    [`hoffman-${own}`]: entry("Hallucination (Hoffman)", hoffman, {
      fromPrivileged: true,
      architecture: "mean",
      ...{ ...pair, ...needs({ privileged }), work: 7 / 3 },
    }),
    [`garcia-streams-${one}`]: entry(`Two streams tuned together, ${word} first`, garciaStreams, {
      fromPrivileged: true,
      architecture: "mean-of-both",
      ...step,
      ...fine,
      ...pair,
      ...{ seen: "both", ...needs({ available: alone, privileged }) },
    }),
    [`garcia-hallucination-${one}`]: entry(`Garcia's hallucination stream on ${word}`, garciaHallucination, {
      fromPrivileged: true,
      ...step,
      ...pair,
      ...{ work: 4 / 3, reads: [], ...needs({ streams: `garcia-streams-${one}` }), revision: () => 1 },
    }),
    [`garcia-${own}`]: entry("Modality distillation (Garcia)", tunedTogether, {
      fromPrivileged: true,
      architecture: "mean",
      ...fine,
      ...pair,
      ...needs({ available: `garcia-streams-${one}`, hallucination: `garcia-hallucination-${one}` }),
    }),
    [`admd-hallucination-${one}`]: entry(`ADMD's hallucination stream on ${word}`, admdHallucination, {
      fromPrivileged: true,
      ...step,
      ...pair,
      ...{ rate: 0.1, work: 3, reads: [], ...needs({ privileged }) },
    }),
    [`admd-${own}`]: entry("Adversarial distillation (ADMD)", tunedTogether, {
      fromPrivileged: true,
      architecture: "mean",
      ...fine,
      ...pair,
      ...needs({ available: alone, hallucination: `admd-hallucination-${one}` }),
    }),
    [`mshnet-student-${own}`]: entry(`MSHNet's student on ${word}`, mshnetStudent, {
      ...step,
      ...{ work: 5 / 3, reads: ["smoothing", ...jan], needs: (config) => ({ teacher: upperBoundOf(config) }) },
    }),
    [`mshnet-${own}`]: entry("Two-stage ensemble (MSHNet)", mshnet, {
      architecture: "weighted",
      ...fine,
      ...{ work: 2 / 3, ...needs({ student: `mshnet-student-${own}`, second: alone }) },
    }),
    [`hallucination-${one}`]: entry(`Hallucination stream on ${word}, by itself`, adapted, {
      ...step,
      ...pair,
      ...{ work: 4 / 3, reads: ["smoothing", "hall", ...jan, "hallInit"], ...needs({ teacher: privileged }) },
    }),
    [`two-stage-${own}`]: entry(`Two-stage JAN and CTN, ${word} at test`, twoStage, {
      architecture: "hallucinating",
      ...pair,
      ...needs({ hallucination: `hallucination-${one}` }),
      ...{ work: 4 / 3, reads: ["smoothing", "lambda", ...fused] },
    }),
    [`one-stage-${own}`]: entry(`One-stage, ${word} at test`, oneStage, {
      architecture: "hallucinating",
      role: "ours",
      revision: ({ privileged }) => (privileged === "online" ? 1 : 0),
      needs: (config) => teachersOf(own, config),
      work: 7 / 3,
      reads: [
        "smoothing",
        "hall",
        ...jan,
        "restore",
        "fused",
        "lambda",
        "fusion",
        "privileged",
        "privilegedGates",
        "teacher",
        "fusionBlock",
        "fusionNorm",
        "hallInit",
      ],
    }),
  };
  if (own !== "ir") return entries;
  return Object.fromEntries(Object.entries(entries).filter(([, { among }]) => among !== "two"));
}

const bothSeen: Omit<MethodEntry, "title" | "role" | "build"> = {
  seen: "both",
  available: "rgb",
  architecture: "multimodal",
  among: "two",
  needs: () => ({}),
  length: "full",
  rate: 1,
  work: 2,
  reads: ["smoothing", "lambda", ...fused],
};

const dropped: Pick<MethodEntry, "role" | "reads"> = { role: "step", reads: ["smoothing", ...fused] };

/** They were held to the translation loss, too, at first. */
const byCrossEntropy = { ...dropped, revision: () => 1 };

const allSeen = { ...bothSeen, seen: "all", among: "three", work: 3 } as const;

/** MMANet's for one modality at test time. */
function mmanetFor(own: "rgb" | "depth"): Entries {
  const network: MethodName = `mmanet-network-${own}`;
  return {
    [network]: {
      ...{ ...bothSeen, ...dropped, available: own, title: `MMANet's network, weak with ${words[own]} alone` },
      ...{ build: mmanetNetwork, needs: () => ({ teacher: "rgbd" }), work: 3, reads: ["smoothing", ...fused, "ramp"] },
    },
    [`mmanet-${own}`]: {
      ...{ ...bothSeen, ...dropped, seen: own, available: own, title: `MMANet, ${words[own]} at test` },
      ...{ role: "baseline", architecture: "multimodal-by-one", build: modalityDropped },
      ...{ needs: () => ({ trained: network }), length: "none" },
    },
  };
}

/** ModDrop's network, shown one modality alone. */
function modDropFor(own: Modality): Entries {
  return {
    [`moddrop-${own}`]: {
      ...{ ...bothSeen, ...dropped, seen: own, available: own, title: `ModDrop, ${words[own]} at test` },
      ...{ role: "baseline", architecture: "multimodal-of-zeros", build: modDropped, length: "none" },
      among: own === "ir" ? "three" : "any",
      needs: (config: NeedsConfig) => ({ trained: three(config) ? "moddrop-network-all" : "moddrop-network" }),
    },
  };
}

/**
 * The methods by name: all of method.md (b), the one-stage network and what they are trained from. Their order is that in
 * which a run's settings name them: what is new comes last.
 */
export const methods = {
  ...methodsFor("rgb"),
  ...methodsFor("depth"),
  "modality-dropout": { ...bothSeen, ...byCrossEntropy, title: "Modality dropout", build: modalityDropout },
  rgbd: { ...bothSeen, title: "RGB-D", role: "upper bound", build: upperBound },
  ...methodsFor("ir"),
  "modality-dropout-all": { ...allSeen, ...byCrossEntropy, title: "Modality dropout of three", build: modalityDropout },
  "rgbd-ir": { ...allSeen, title: "RGB-D and infrared", role: "upper bound", build: upperBound },
  ...mmanetFor("rgb"),
  ...mmanetFor("depth"),
  "moddrop-network": { ...bothSeen, ...byCrossEntropy, title: "ModDrop", build: modDrop },
  "moddrop-network-all": { ...allSeen, ...byCrossEntropy, title: "ModDrop of three", build: modDrop },
  ...modDropFor("rgb"),
  ...modDropFor("depth"),
  ...modDropFor("ir"),
} as Readonly<Record<MethodName, MethodEntry>>;

/** Whether a method can be trained with these modalities. */
export function existsAmong(name: MethodName, modalities: readonly Modality[]): boolean {
  const { among } = methods[name];
  return among === "any" || (among === "three") === modalities.includes("ir");
}

/** Work of a training step, as `MethodEntry.work`: a third modality gives the one-stage network another stream, and P. */
export function workOf(name: MethodName, modalities: readonly Modality[]): number {
  const { work, role } = methods[name];
  return role === "ours" ? work + (4 / 3) * (modalities.length - 2) : work;
}

/**
 * The modalities that the streams of a one-stage method stand for, in their order, of which it has as many as it is
 * trained with; none for all other methods.
 */
export function privilegedOf(name: MethodName): Modality[] {
  const { role, available } = methods[name];
  return role === "ours" ? missingFrom(modalityNames, available) : [];
}
