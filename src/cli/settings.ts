import path from "node:path";
import { encoders } from "../model/encoder.ts";
import { featureLossNames } from "../model/featureLoss.ts";
import { fusionNames } from "../model/fusion.ts";
import { existsAmong, type MethodName, methods } from "../model/methods.ts";
import { comparisonAmong } from "../model/plan.ts";
import { addedLater, folderPreset, scenesPreset, segmentPreset } from "../run/presets.ts";
import { recipeSettings, recipes } from "../run/recipes.ts";
import { methodNames, modalitiesOf, type RecipeName, type Settings, sharesOf } from "../run/settings.ts";
import { UsageError } from "../tensor/errors.ts";
import {
  choice,
  decimal,
  type Flag,
  parseMilestones,
  parsePart,
  parseRange,
  parseScenes,
  text,
  whole,
} from "./flag.ts";

/** The settings that have a flag. */
export const flags = {
  data: text("--data", "<folder>", "dataset folder with train and val or test; the built-in scenes without it"),
  task: choice("--task", ["classify", "segment"], "a class for each image, or for each pixel"),
  recipe: choice("--recipe", Object.keys(recipes), "published settings, over which other flags win"),
  modalities: choice("--modalities", ["rgb,depth", "rgb,depth,ir"], "what networks are trained with"),
  methods: { ...text("--methods", "<names>", "networks to train, joined by commas"), parse: parseMethods },
  model: choice("--model", Object.keys(encoders), "size of the networks"),
  fusion: choice(
    "--fusion",
    ["full", "deep", "mid"],
    "fuse after stem and stages, after every stage, or in the middle",
  ),
  fusionBlock: choice("--fusion-block", fusionNames, "what fuses the streams"),
  fusionNorm: choice("--fusion-norm", ["batch", "none"], "batch norm behind the convolution that mixes, or none"),
  contextBins: choice(
    "--context-bins",
    ["1,5", "1,2,4,8"],
    "parts of an axis that the decoder's context module averages",
  ),
  pretrained: text(
    "--pretrained",
    "<file>",
    "safetensors of an ImageNet encoder, with torchvision's names, to start from",
  ),
  privileged: choice("--privileged", ["frozen", "online"], "train the privileged network beforehand or along"),
  privilegedGates: choice("--privileged-gates", ["none", "se"], "weigh the channels of its maps, as ESANet does"),
  teacher: choice("--teacher", ["missing", "both"], "learn from the missing modality's network, or from the RGB-D one"),
  hallInit: choice("--hall-init", ["fresh", "privileged"], "what hallucination streams start from"),
  classWeights: choice("--class-weights", ["equal", "median"], "count all pixels alike, or by median class frequency"),
  holdOut: {
    ...text("--hold-out", "<i/k>", "train without the i-th of k parts of train and compare on it, not on val or test"),
    parse: parsePart,
  },
  epochs: whole("--epochs", 1, 100_000, "passes over the training images"),
  privilegedEpochs: whole("--privileged-epochs", 1, 100_000, "the same for frozen privileged networks"),
  batch: whole("--batch", 1, 1_000_000, "images a step"),
  seed: whole("--seed", 0, 2 ** 32 - 1, "another seed gives other weights, order and scenes"),
  unlabelled: text(
    "--unlabelled",
    "<folder>",
    "dataset whose train images, cut at random, only the transfer terms learn from",
  ),
  extra: whole("--extra", 0, 100_000, "such cuts a step, for the methods that learn from another network"),
  lr: decimal("--lr", 1e-9, 10, "highest learning rate"),
  optimiser: choice("--optimiser", ["adamw", "adam", "sgd"], "rule of the updates; sgd has Nesterov's momentum of 0.9"),
  weightDecay: decimal("--weight-decay", 0, 1, "decay of the weights; with adam and sgd part of the gradient"),
  clip: decimal("--clip", 0, 1e6, "largest norm of the gradient; 0 for no limit"),
  schedule: choice("--schedule", ["one-cycle", "cosine", "steps", "constant"], "how the learning rate changes"),
  warmUp: decimal("--warm-up", 0, 0.99, "share of the training in which it rises; 0 if not one-cycle"),
  startDivisor: decimal("--start-divisor", 1, 1e9, "one-cycle begins at the highest rate over this"),
  endDivisor: decimal("--end-divisor", 1, 1e9, "one-cycle ends at the highest rate over this"),
  milestones: {
    ...text("--milestones", "<shares>", "shares of the training behind which the rate of steps falls to a tenth"),
    parse: parseMilestones,
  },
  hall: decimal("--hall", 0, 1000, "weight of the hallucination head's cross entropy"),
  alpha: decimal("--alpha", 0, 1000, "weight of MK-MMD between restored and privileged features"),
  beta: decimal("--beta", 0, 1000, "weight of the KL divergence to the privileged predictions"),
  lambda: decimal("--lambda", 0, 1000, "weight of the translation loss"),
  temperature: decimal("--temperature", 0.01, 1000, "temperature of the KL divergence"),
  klPixels: choice("--kl-pixels", ["mean", "sum"], "mean or sum over the pixels of its maps"),
  aligned: choice("--aligned", ["map", "pooled"], "MK-MMD of whole maps, or of their means over pixels"),
  jmmdEstimate: choice("--jmmd-estimate", ["quadratic", "linear"], "JMMD of all pairs of images, or of neighbours"),
  jmmdLayers: choice(
    "--jmmd-layers",
    ["last", "all"],
    "JMMD joins predictions with the deepest map, or with every stage's",
  ),
  ramp: whole("--ramp", 0, 100_000, "epochs in which alpha, beta, jmmd, sigmoid and feature rise to their values"),
  smoothing: decimal("--smoothing", 0, 0.99, "label smoothing of the cross entropy"),
  jmmd: decimal("--jmmd", 0, 1000, "weight of JMMD between restored and privileged features and predictions"),
  sigmoid: decimal("--sigmoid", 0, 1e6, "weight of the squared difference of their sigmoids"),
  feature: decimal("--feature", 0, 1e6, "weight of another distance between features, in distillation too"),
  featureLoss: choice("--feature-loss", featureLossNames, "which distance that is"),
  restore: decimal("--restore", 0, 1000, "weight of predicting the missing modality itself"),
  fused: decimal("--fused", 0, 1000, "weight of the KL divergence of the fused predictions to those of RGB-D"),
  kd: decimal("--kd", 0, 1000, "weight of the KL divergence in the distillation baselines"),
  crop: decimal(
    "--crop",
    0,
    1,
    "side of the random square crop as a share of the shorter side; 0 or 1 for the whole image",
  ),
  jitter: decimal("--jitter", 0, 1, "brightness, contrast and saturation vary by this share"),
  gain: decimal("--gain", 0, 1, "each colour channel varies by this share"),
  scale: {
    ...text("--scale", "<low,high>", "training images are resized by a factor between these"),
    parse: parseRange,
  },
  rotation: decimal("--rotation", 0, 180, "training images are turned by up to so many degrees"),
  hueSaturation: decimal("--hue-saturation", 0, 1, "hue and saturation vary by this share"),
  valueShift: decimal("--value-shift", 0, 255, "the value of HSV varies by so much"),
  precision: choice("--precision", ["f32", "f16"], "keep maps and their gradients as f32 or f16 (needs shader-f16)"),
  accumulate: whole("--accumulate", 1, 64, "work through a batch in so many equal parts, to save memory"),
  recompute: choice("--recompute", ["off", "on"], "compute inner maps again instead of keeping them, to save memory"),
  size: whole("--size", 8, 1024, "side of the built-in scenes in pixels"),
  scenes: {
    ...text("--scenes", "<counts>", "how many scenes: train (new ones in every epoch), val, test"),
    parse: parseScenes,
  },
} as const satisfies Partial<Record<keyof Settings, Flag>>;

/** The settings that are paths, absolute ones. */
export const paths = ["data", "pretrained", "unlabelled"] as const;

/** Settings as people are shown them who know nothing of this machine: what says something, of a path the last name. */
export function shownSettings(settings: Settings, hidden: readonly string[]): Record<string, string | number> {
  const isPath = (name: string) => (paths as readonly string[]).includes(name);
  const shown = Object.entries(settings).filter(([name, value]) => value !== null && !hidden.includes(name));
  return Object.fromEntries(shown.map(([name, value]) => [name, isPath(name) ? path.basename(value) : value]));
}

/** Settings given by flags: only those the user wrote. */
export type Given = Partial<Record<keyof typeof flags, string | number>>;

/**
 * The settings of a new run: what was given, then what the recipe says, the preset for the rest.
 * @throws UsageError naming a flag that does not go with the others.
 */
export function newSettings(given: Given): Settings {
  const preset = given.data === undefined ? scenesPreset : folderPreset;
  const recipe = recipeSettings((given.recipe ?? "none") as RecipeName, given.batch as number | undefined);
  const task = given.task ?? recipe.task;
  const settings = { ...preset, ...(task === "segment" ? segmentPreset : {}), ...recipe, ...given } as Settings;
  for (const name of paths) {
    if (given[name] !== undefined) settings[name] = path.resolve(String(given[name]));
  }
  if (settings.data === null && settings.modalities !== "rgb,depth") {
    throw new UsageError(`--modalities: expected rgb,depth for the built-in scenes, got ${settings.modalities}`);
  }
  if (given.methods === undefined) settings.methods = comparisonAmong(modalitiesOf(settings)).join(",");
  checkMethods(methodNames(settings.methods), settings);
  if (given.privilegedEpochs === undefined) {
    const most = recipe.privilegedEpochs ?? folderPreset.privilegedEpochs;
    settings.privilegedEpochs = Math.min(settings.epochs, most);
  }
  settleSchedule(settings, given, recipe);
  if (settings.extra > 0 && settings.unlabelled === null) {
    throw new UsageError(`--extra: expected --unlabelled beside it, got ${settings.extra} alone`);
  }
  if (settings.hallInit === "privileged" && (settings.privileged === "online" || settings.teacher === "both")) {
    const other = settings.privileged === "online" ? "--privileged online" : "--teacher both";
    throw new UsageError(`--hall-init: expected fresh with ${other}, got privileged`);
  }
  if (settings.privilegedGates === "se" && settings.hallInit === "privileged") {
    throw new UsageError("--hall-init: expected fresh with --privileged-gates se, got privileged");
  }
  if (settings.hall + settings.beta + settings.jmmd === 0) {
    throw new UsageError(
      "--hall: expected more than 0 where --beta and --jmmd are 0: nothing else teaches its scores; got 0",
    );
  }
  for (const name of ["size", "scenes"] as const) {
    if (settings.data !== null && given[name] !== undefined) {
      throw new UsageError(
        `${flags[name].flag}: expected only without --data (the images of a folder are as they are)`,
      );
    }
  }
  return settings;
}

/** Leaves to a schedule only what it reads. @throws UsageError naming a flag that it does not go with. */
function settleSchedule(settings: Settings, given: Given, recipe: Partial<Settings>): void {
  const { schedule } = settings;
  const only = { startDivisor: "one-cycle", endDivisor: "one-cycle", milestones: "steps" } as const;
  for (const [name, reader] of Object.entries(only) as [keyof typeof only, string][]) {
    if (schedule === reader) continue;
    if (given[name] !== undefined) {
      throw new UsageError(`${flags[name].flag}: expected only with --schedule ${reader}, got it with ${schedule}`);
    }
    // A recipe's, whose schedule was replaced: what nothing reads may not make settings differ.
    Object.assign(settings, { [name]: addedLater[name] });
  }
  // The default is one-cycle's.
  if (schedule !== "one-cycle" && (given.warmUp ?? recipe.warmUp) === undefined) settings.warmUp = 0;
  const { warmUp, milestones } = settings;
  if (schedule === "steps" && sharesOf(milestones)[0]! < warmUp) {
    throw new UsageError(`--warm-up: expected at most the first of --milestones ${milestones}, got ${warmUp}`);
  }
}

/** @throws UsageError naming a method that cannot be trained with the settings' modalities, or with their privileged network. */
export function checkMethods(
  names: readonly MethodName[],
  settings: Pick<Settings, "modalities" | "privilegedGates">,
): void {
  const modalities = modalitiesOf(settings);
  const heir = names.find((name) => methods[name].fromPrivileged);
  if (settings.privilegedGates === "se" && heir !== undefined) {
    throw new UsageError(`--privileged-gates: expected none with ${heir}, a stream of which starts from P, got se`);
  }
  const other = names.find((name) => !existsAmong(name, modalities));
  if (other === undefined) return;
  const able = Object.keys(methods).filter((name) => existsAmong(name as MethodName, modalities));
  throw new UsageError(`--methods: expected names out of ${able.join(", ")} with ${settings.modalities}, got ${other}`);
}

/** @throws UsageError naming the flag whose value differs from what the run was started with. */
export function checkUnchanged(stored: Settings, given: Given): void {
  for (const [name, value] of Object.entries(given) as [keyof typeof flags, string | number][]) {
    const now = (paths as readonly string[]).includes(name) ? path.resolve(String(value)) : value;
    if (now === stored[name] || (name === "methods" && alike(String(now), stored.methods))) continue;
    const before = stored[name] ?? "none";
    throw new UsageError(`${flags[name].flag}: expected ${before} as the run was started with, got ${now}`);
  }
}

/** Whether two lists name the same, in whatever order. */
export function alike(one: string, other: string): boolean {
  const sorted = (list: string) => list.split(",").sort().join(",");
  return sorted(one) === sorted(other);
}

function parseMethods(list: string): string {
  const names = list.split(",").map((name) => name.trim());
  for (const [i, name] of names.entries()) {
    if (!Object.hasOwn(methods, name)) {
      const known = Object.keys(methods).join(", ");
      throw new UsageError(`--methods: expected names out of ${known}, got ${JSON.stringify(name)}`);
    }
    if (names.indexOf(name) !== i) throw new UsageError(`--methods: expected each name once, got ${name} again`);
  }
  // Always in the same order, so that the same run has the same settings however it was asked for.
  return Object.keys(methods)
    .filter((name) => names.includes(name))
    .join(",");
}
