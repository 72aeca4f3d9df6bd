import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileError } from "../../data/node/files.ts";
import { type MethodName, type Modality, methods, type Read } from "../../model/methods.ts";
import { epochsOf, type Stage } from "../../model/plan.ts";
import { janForm } from "../../model/registry.ts";
import type { DatasetFacts } from "../../run/dataset.ts";
import { addedLater } from "../../run/presets.ts";
import { needsOf, type Settings } from "../../run/settings.ts";
import { checkMethods } from "../settings.ts";
import { type CompareConfig, type CompareRow, cellSettings, type Folders, methodOf } from "./config.ts";

/** One network that is trained for one or more cells; the same key is the same network. */
export interface KeyedStage extends Stage {
  /** Names its folder: the method, the seed, and a hash of all that decides its weights. */
  key: string;
  settings: Settings;
  /** The stages it needs, by what they are for. */
  earlier: Readonly<Record<string, KeyedStage>>;
}

/** One training with its evaluation: a method with one seed, for one modality at test time. */
export interface Cell {
  name: string;
  row: CompareRow;
  direction: Modality;
  seed: number;
  method: MethodName;
  /** The network that is evaluated, trained last. */
  stage: KeyedStage;
}

// Settings that decide the weights of every network; of the others each method says which it reads.
const COMMON = [
  ...(["task", "data", "size", "scenes", "model", "batch", "lr", "precision", "accumulate", "holdOut"] as const),
  ...(["classWeights", "crop", "flip", "jitter", "gain"] as const),
];

// The same, of settings that came later: only what is not the default decides anything, so that older keys hold. A recipe is
// in the settings that it sets.
const COMMON_SINCE = [
  ...(["scale", "rotation", "hueSaturation", "valueShift", "pretrained", "modalities"] as const),
  ...(["contextBins", "optimiser", "weightDecay", "clip"] as const),
  ...(["schedule", "warmUp", "startDivisor", "endDivisor", "milestones"] as const),
];

// The same, of settings that some methods read.
const READ_SINCE = ["extra", "fusionNorm", ...janForm, "hallInit", "privilegedGates"] as const;

/** All cells, seed by seed, so that every row has one result early. */
export function cellsOf(config: CompareConfig, folders: Folders, facts: DatasetFacts): Cell[] {
  const cells: Cell[] = [];
  for (const seed of config.seeds) {
    for (const direction of config.directions) {
      for (const row of config.rows) {
        const settings = cellSettings(config, row, seed, folders);
        const method = methodOf(row.method, direction);
        checkMethods([method], settings);
        const stage = keyedStage(method, settings, facts);
        cells.push({ name: `${direction}-${row.id}-s${seed}`, row, direction, seed, method, stage });
      }
    }
  }
  return cells;
}

// Digests of the weights that networks start from, by path: they may be large, and many cells ask.
const digests = new Map<string, string>();

/**
 * What stands in a key for a setting: for a file its contents, so that the key is the same wherever it lies, and for the number
 * of images without labels that and the name of the folder that they are cut from.
 */
function keyValue(settings: Settings, name: (typeof COMMON_SINCE | typeof READ_SINCE)[number]): unknown {
  if (name === "extra") return [settings.extra, path.basename(settings.unlabelled!)];
  if (name !== "pretrained" || settings.pretrained === null) return settings[name];
  const file = settings.pretrained;
  let digest = digests.get(file);
  if (digest === undefined) {
    try {
      digest = createHash("sha256").update(readFileSync(file)).digest("hex");
    } catch (error) {
      throw fileError(file, "read the file", error);
    }
    digests.set(file, digest);
  }
  return digest;
}

/** Whether a setting that methods came to read before there was a list of such by name is the one that they had until then. */
function asBefore(settings: Settings, read: Read): boolean {
  return (read === "fusionBlock" || read === "fused") && settings[read] === addedLater[read];
}

/** A stage with the stages it needs and the keys of all. */
function keyedStage(name: MethodName, settings: Settings, facts: DatasetFacts): KeyedStage {
  const { length, reads, needs, revision } = methods[name];
  const earlier = Object.fromEntries(
    Object.entries(needs(needsOf(settings))).map(([part, need]) => [part, keyedStage(need, settings, facts)]),
  );
  const epochs = epochsOf(length, settings);
  const since: readonly Read[] = READ_SINCE;
  const decides = {
    ...{ name, epochs, seed: settings.seed, facts: { ...facts, validation: null, evaluation: null } },
    common: COMMON.filter((setting) => setting !== "data").map((setting) => settings[setting]),
    reads: reads.filter((read) => !since.includes(read) && !asBefore(settings, read)).map((read) => settings[read]),
    earlier: Object.entries(earlier).map(([part, { key }]) => [part, key]),
  };
  const revised = revision?.(needsOf(settings)) ?? 0;
  if (revised > 0) Object.assign(decides, { revised });
  const named = [...COMMON_SINCE, ...READ_SINCE.filter((read) => reads.includes(read))];
  const changed = named.filter((setting) => settings[setting] !== addedLater[setting]);
  if (changed.length > 0)
    Object.assign(decides, { since: changed.map((setting) => [setting, keyValue(settings, setting)]) });
  const hash = createHash("sha256").update(JSON.stringify(decides)).digest("hex").slice(0, 10);
  const list = needs(needsOf(settings));
  return { name, needs: list, epochs, key: `${name}-s${settings.seed}-${hash}`, settings, earlier };
}

/** All stages of a cell, each behind those it needs. */
export function stagesOf(stage: KeyedStage): KeyedStage[] {
  const all = new Map<string, KeyedStage>();
  const visit = (one: KeyedStage) => {
    for (const before of Object.values(one.earlier)) visit(before);
    all.set(one.key, one);
  };
  visit(stage);
  return [...all.values()];
}
