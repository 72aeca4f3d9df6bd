import { type MethodName, type Modality, methods, type NetworkConfig, privilegedOf, type Seen } from "./methods.ts";

/** One network to train, in its turn. */
export interface Stage {
  name: MethodName;
  /** The earlier stage whose network is the frozen P of this one; null where none is needed. */
  teacher: MethodName | null;
  epochs: number;
}

/** The methods of a comparison, in the order in which a report shows them. */
export const comparison: readonly MethodName[] = ["rgb-only", "depth-only", "one-stage-rgb", "one-stage-depth", "rgbd"];

/** What decides which networks are trained, and for how long. */
export interface PlanOptions {
  methods: readonly MethodName[];
  privileged: NetworkConfig["privileged"];
  /** Label smoothing of the baselines; P never has any. */
  smoothing: number;
  epochs: number;
  privilegedEpochs: number;
}

/**
 * The stages of a run: the wanted methods, and each frozen P before the first method that needs it. P is a network of
 * its own unless the single-modality baseline is trained in the very same way: then it is that one.
 */
export function planStages(options: PlanOptions): Stage[] {
  const { methods: wanted, epochs, privilegedEpochs, smoothing, privileged } = options;
  const stages: Stage[] = [];
  const include = (name: MethodName): MethodName => {
    if (stages.some((stage) => stage.name === name)) return name;
    const missing = privileged === "frozen" ? privilegedOf(name) : null;
    const teacher = missing && include(teacherOf(missing));
    stages.push({ name, teacher, epochs: methods[name].role === "privileged" ? privilegedEpochs : epochs });
    return name;
  };
  const teacherOf = (modality: Modality): MethodName => {
    const baseline = `${modality}-only` as const;
    const alike = smoothing === 0 && epochs === privilegedEpochs && wanted.includes(baseline);
    return alike ? baseline : `privileged-${modality}`;
  };
  for (const name of wanted) include(name);
  return stages;
}

/** The network that serves what is seen at test time: the method itself if it was trained, else the baseline. */
export function servingNetwork(stages: readonly Stage[], seen: Seen): MethodName | null {
  const able = stages.map(({ name }) => name).filter((name) => deployed(name) && methods[name].seen === seen);
  return able.find((name) => methods[name].role === "ours") ?? able[0] ?? null;
}

/** Whether a network is meant to be used after training: all but those that only teach. */
export function deployed(name: MethodName): boolean {
  return methods[name].role !== "privileged";
}
