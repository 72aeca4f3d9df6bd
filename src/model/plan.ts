import {
  existsAmong,
  type Length,
  type MethodName,
  type Modality,
  methods,
  type NeedsConfig,
  type Seen,
} from "./methods.ts";

/** One network to train, in its turn. */
export interface Stage {
  name: MethodName;
  /** The earlier stages whose networks this one needs, by what they are for. */
  needs: Readonly<Record<string, MethodName>>;
  epochs: number;
}

/** The methods of a comparison, in the order in which a report shows them. */
export const comparison: readonly MethodName[] = ["rgb-only", "depth-only", "one-stage-rgb", "one-stage-depth", "rgbd"];

/** The same for so many modalities: each by itself, the one-stage networks, and the upper bound. */
export function comparisonAmong(modalities: readonly Modality[]): readonly MethodName[] {
  const three: MethodName[] = [...comparison, "ir-only", "one-stage-ir", "rgbd-ir"];
  return three.filter((name) => existsAmong(name, modalities));
}

/** What decides which networks are trained, and for how long. */
export interface PlanOptions extends NeedsConfig {
  methods: readonly MethodName[];
  epochs: number;
  privilegedEpochs: number;
}

/**
 * The stages of a run: the wanted methods, and each network they need before the first that needs it. P is a network of
 * its own unless the single-modality baseline is trained in the very same way: then it is that one.
 */
export function planStages(options: PlanOptions): Stage[] {
  const { methods: wanted, epochs, privilegedEpochs, privilegedGates = "none", weights } = options;
  const stages: Stage[] = [];
  const include = (name: MethodName): MethodName => {
    if (stages.some((stage) => stage.name === name)) return name;
    const needs = Object.entries(methods[name].needs(options)).map(([part, need]) => [part, include(alike(need))]);
    stages.push({ name, needs: Object.fromEntries(needs), epochs: epochsOf(methods[name].length, options) });
    return name;
  };
  const alike = (name: MethodName): MethodName => {
    const same = weights.smoothing === 0 && epochs === privilegedEpochs && privilegedGates === "none";
    if (methods[name].role !== "privileged" || !same) return name;
    const baseline: MethodName = `${methods[name].available}-only`;
    return wanted.includes(baseline) ? baseline : name;
  };
  for (const name of wanted) include(name);
  return stages;
}

/** Epochs that a method trains. */
export function epochsOf(
  length: Length,
  { epochs, privilegedEpochs }: Pick<PlanOptions, "epochs" | "privilegedEpochs">,
) {
  return { full: epochs, privileged: privilegedEpochs, fine: Math.ceil(epochs / 2), none: 0 }[length];
}

/** The network that serves what is seen at test time: the method itself if it was trained, else the baseline. */
export function servingNetwork(stages: readonly Stage[], seen: Seen): MethodName | null {
  const able = stages.map(({ name }) => name).filter((name) => deployed(name) && methods[name].seen === seen);
  return able.find((name) => methods[name].role === "ours") ?? able[0] ?? null;
}

/** Whether a network is meant to be used after training: all but those that only teach or lead to others. */
export function deployed(name: MethodName): boolean {
  const { role } = methods[name];
  return role !== "privileged" && role !== "step";
}
