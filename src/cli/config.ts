import path from "node:path";
import { writeFileAtomic } from "../data/node/atomic.ts";
import { readJson } from "../data/node/files.ts";
import type { MethodName, Seen } from "../model/methods.ts";
import { type Stage, servingNetwork } from "../model/plan.ts";
import type { DatasetFacts } from "../run/dataset.ts";
import { addedLater } from "../run/presets.ts";
import { type Settings, stagesOf } from "../run/settings.ts";
import { type KernelChoices, noChoices, readChoices } from "../tensor/choices.ts";
import { UsageError } from "../tensor/errors.ts";
import { Entry } from "./entry.ts";
import type { Flag } from "./flag.ts";
import { alike, flags, paths } from "./settings.ts";

/** config.json: everything needed to build a run's networks again and to train on. */
export interface RunConfig {
  format: typeof FORMAT;
  version: string;
  /** ISO 8601. */
  created: string;
  /** The command line that makes this run again. */
  command: string;
  settings: Settings;
  dataset: DatasetFacts;
  stages: Stage[];
  /** The network that serves each modality at test time; null where there is none. */
  serves: Partial<Record<Seen, MethodName | null>>;
  /** The kernel variants that the run is computed with, so that it goes on with the same bits. */
  kernels: KernelChoices;
}

/** Name of the file. */
export const CONFIG_FILE = "config.json";

/** Name of its format. */
export const FORMAT = "onestage-run-2";

const MOST_PIXELS = 4096;

/** Writes a run's config.json. @throws OnestageError if it cannot be written. */
export async function writeConfig(folder: string, config: RunConfig): Promise<void> {
  // Relative to the run, so that the file tells nothing about the machine and all can be moved together.
  const relative = (file: string | null) => file && path.relative(folder, file).split(path.sep).join("/");
  const files = Object.fromEntries(paths.map((name) => [name, relative(config.settings[name])]));
  const stored = { ...config, settings: { ...config.settings, ...files } };
  await writeFileAtomic(
    path.join(folder, CONFIG_FILE),
    new TextEncoder().encode(`${JSON.stringify(stored, null, 2)}\n`),
  );
}

/**
 * Reads a run's config.json.
 * @throws FormatError naming the entry that is not as it should be.
 */
export async function readConfig(folder: string): Promise<RunConfig> {
  const file = path.join(folder, CONFIG_FILE);
  const json = await readJson(file);
  const root = new Entry(json, file, "");
  root.at("format").expect((value) => value === FORMAT, `"${FORMAT}"`);
  const settings = readSettings(root.at("settings"));
  const absolute = (relative: string | null) => relative && path.resolve(folder, relative);
  // Both follow from the settings; the file has them for its readers.
  const plan = planOf(settings);
  for (const [name, value] of Object.entries(plan)) {
    root
      .at(name)
      .expect((stored) => JSON.stringify(stored) === JSON.stringify(value), "what follows from the settings");
  }
  return {
    format: FORMAT,
    version: root.at("version").text(),
    created: root.at("created").text(),
    command: root.at("command").text(),
    settings: { ...settings, ...Object.fromEntries(paths.map((name) => [name, absolute(settings[name])])) },
    dataset: readFacts(root.at("dataset")),
    ...plan,
    kernels: readKernels(root.at("kernels")),
  };
}

/** The stages that settings ask for, and which network serves what is seen at test time. */
export function planOf(settings: Settings): Pick<RunConfig, "stages" | "serves"> {
  const stages = stagesOf(settings);
  const serving = (seen: Seen) => servingNetwork(stages, seen);
  const serves = { rgb: serving("rgb"), depth: serving("depth"), both: serving("both") };
  if (!settings.modalities.includes("ir")) return { stages, serves };
  return { stages, serves: { ...serves, ir: serving("ir"), all: serving("all") } };
}

/** Settings out of a file. @throws FormatError naming the one that is not as it should be. */
export function readSettings(entry: Entry): Settings {
  const settings: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags) as [string, Flag][]) {
    const optional = ["size", "scenes", ...paths].includes(name);
    if (entry.at(name).value === undefined && name in addedLater) {
      settings[name] = addedLater[name as keyof typeof addedLater];
      continue;
    }
    settings[name] = entry.at(name).expect((value) => {
      if (value === null) return optional;
      // What a flag would refuse, the file may not say either.
      return (typeof value === "string" || typeof value === "number") && accepts(name, flag, value);
    }, `what ${flag.flag} allows`);
  }
  settings.flip = entry.at("flip").expect((value) => typeof value === "boolean", "true or false");
  if (settings.data === null && (settings.size === null || settings.scenes === null)) {
    entry.fail("data, or size and scenes", "neither");
  }
  return settings as unknown as Settings;
}

function accepts(name: string, flag: Flag, value: string | number): boolean {
  try {
    const parsed = flag.parse(String(value));
    return parsed === value || (name === "methods" && alike(String(parsed), String(value)));
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** Kernel choices out of a file; runs of before there were any have none. @throws FormatError as readSettings. */
export function readKernels(entry: Entry): KernelChoices {
  return entry.value === undefined ? noChoices : readChoices(entry.value, entry.origin);
}

/** What is known of a dataset, out of a file. @throws FormatError as readSettings. */
export function readFacts(entry: Entry): DatasetFacts {
  const splits = Object.fromEntries(
    entry
      .at("splits")
      .entries()
      .map(([name, size]) => [name, size.whole(0, 2 ** 31)]),
  );
  const split = (name: string) =>
    entry
      .at(name)
      .expect((value) => typeof value === "string" && Object.hasOwn(splits, value), "one of the splits") as string;
  return {
    name: entry.at("name").text(),
    width: entry.at("width").whole(1, MOST_PIXELS),
    height: entry.at("height").whole(1, MOST_PIXELS),
    classes: entry
      .at("classes")
      .list(2, 255)
      .map((name) => name.text()),
    splits,
    depth: readScale(entry.at("depth")),
    ...(entry.at("depthUnit").value !== undefined && { depthUnit: entry.at("depthUnit").text() }),
    ...(entry.at("ir").value !== undefined && { ir: readScale(entry.at("ir")) }),
    classWeights:
      entry.at("classWeights").value === null
        ? null
        : entry
            .at("classWeights")
            .list(2, 255)
            .map((weight) => weight.number(0, 1e6)),
    validation: entry.at("validation").value === null ? null : split("validation"),
    evaluation: split("evaluation"),
  };
}

function readScale(entry: Entry): { mean: number; std: number } {
  return { mean: entry.at("mean").number(0, 1e6), std: entry.at("std").number(1e-6, 1e6) };
}
