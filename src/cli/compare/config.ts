import { readJson } from "../../data/node/files.ts";
import { type Answering, answeringHeads, type Modality, modalityNames } from "../../model/method.ts";
import { type MethodName, methods } from "../../model/methods.ts";
import type { Settings } from "../../run/settings.ts";
import { UsageError } from "../../tensor/errors.ts";
import { Entry } from "../entry.ts";
import { flags, type Given, newSettings } from "../settings.ts";

/** A method of a comparison: a line of its tables. */
export interface CompareRow {
  /** Unique in the comparison. */
  id: string;
  /** What the tables call it; the method's title without it. */
  label: string | null;
  /** The method's name, without the modality at test time where it exists for both. */
  method: string;
  /** Settings of this row alone, by flag. */
  settings: Given;
}

/** What is compared with what. */
export interface CompareConfig {
  title: string;
  /** What the report says of it; null for nothing. */
  about: string | null;
  /** Settings of all rows, by flag; presets hold for the rest. */
  settings: Given;
  seeds: number[];
  /** The modality that is there at test time, for each table. */
  directions: Modality[];
  rows: CompareRow[];
  /** Rows by their ids: the one whose differences to the others are shown, and between which the gap lies. */
  ours: string;
  baseline: string | null;
  upper: string | null;
  /** Which answer of ours it is whose differences are shown. */
  head: Answering;
  /** A table in the dataset's folder, comma-separated, whose column says what each image was cut out of. */
  groups: { file: string; column: string } | null;
}

// What a run has of its own, and what decides the dataset that all rows share: no row may set it.
const RESERVED = ["data", "unlabelled", "methods", "seed"];
const SHARED = ["task", "recipe", "modalities", "classWeights", "holdOut", "size", "scenes"];

/**
 * Reads the configuration of a comparison.
 * @throws FormatError or UsageError naming the entry that is not as it should be.
 */
export async function readCompareConfig(file: string): Promise<CompareConfig> {
  const json = await readJson(file);
  const root = new Entry(json, file, "");
  const known = [
    "title",
    "about",
    "settings",
    "seeds",
    "directions",
    "rows",
    "ours",
    "head",
    "baseline",
    "upper",
    "groups",
  ];
  for (const [key, entry] of root.entries()) {
    if (!known.includes(key)) entry.fail(`one of ${known.join(", ")}`, key);
  }
  const seeds = root.at("seeds").list(1, 1000);
  const directions = root.at("directions").list(1, 3);
  const modality = (entry: Entry) =>
    entry.expect((value) => modalityNames.includes(value as Modality), "rgb, depth or ir");
  const rows = root.at("rows").list(1, 200).map(readRow);
  const ids = rows.map(({ id }) => id);
  const each = (list: string, what: string, values: readonly unknown[]) => {
    const repeated = values.find((value, i) => values.indexOf(value) !== i);
    if (repeated !== undefined) root.at(list).fail(what, `${repeated} twice`);
  };
  each("rows", "rows with different ids", ids);
  each(
    "seeds",
    "different seeds",
    seeds.map(({ value }) => value),
  );
  each(
    "directions",
    "different directions",
    directions.map(({ value }) => value),
  );
  const row = (name: string) =>
    root.at(name).expect((id) => ids.includes(id as string), `the id of a row: ${ids.join(", ")}`) as string;
  const optional = (name: string) => (root.at(name).value == null ? null : row(name));
  const config: CompareConfig = {
    title: root.at("title").text(),
    about: root.at("about").value === undefined ? null : root.at("about").text(),
    settings: readGiven(root.at("settings"), RESERVED),
    seeds: seeds.map((seed) => seed.whole(0, 2 ** 32 - 1)),
    directions: directions.map((entry) => modality(entry) as Modality),
    rows,
    ours: row("ours"),
    baseline: optional("baseline"),
    upper: optional("upper"),
    head: root.at("head").value === undefined ? "fused" : readHead(root.at("head")),
    groups: root.at("groups").value == null ? null : readGroups(root.at("groups")),
  };
  for (const direction of config.directions) for (const { method } of rows) methodOf(method, direction);
  return config;
}

function readHead(entry: Entry): Answering {
  return entry.expect((value) => answeringHeads.includes(value as Answering), answeringHeads.join(" or ")) as Answering;
}

function readGroups(entry: Entry): { file: string; column: string } {
  return { file: entry.at("file").text(), column: entry.at("column").text() };
}

function readRow(entry: Entry): CompareRow {
  const id = entry.at("id");
  const fits = (value: unknown) => typeof value === "string" && /^[a-z0-9][a-z0-9-]{0,39}$/.test(value);
  const method = entry.at("method");
  const known = (value: unknown) => typeof value === "string" && (isMethod(value) || isMethod(`${value}-rgb`));
  return {
    id: id.expect(fits, "a name of lower-case letters, digits and hyphens") as string,
    label: entry.at("label").value === undefined ? null : entry.at("label").text(),
    method: (method.value === "only" ? "only" : method.expect(known, "a method")) as string,
    settings: readGiven(entry.at("settings"), [...RESERVED, ...SHARED]),
  };
}

/** Settings by their flags' names without hyphens before them, in camel case, each as its flag would take it. */
function readGiven(entry: Entry, reserved: readonly string[]): Given {
  if (entry.value === undefined) return {};
  const given: Given = {};
  for (const [name, value] of entry.entries()) {
    const open = Object.keys(flags).filter((flag) => !reserved.includes(flag));
    if (!open.includes(name)) value.fail(`one of ${open.join(", ")}`, name);
    const flag = name as keyof typeof flags;
    const plain = value.expect((v) => ["string", "number"].includes(typeof v), "a text or a number") as string | number;
    try {
      given[flag] = flags[flag].parse(String(plain));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(`${value.origin}: ${error.message}`);
    }
  }
  return given;
}

/** The folders that a comparison reads: the dataset, and what is learnt from without labels. */
export interface Folders {
  data: string;
  unlabelled?: string;
}

/** The settings of one cell. @throws UsageError if it needs unlabelled images and there are none. */
export function cellSettings(config: CompareConfig, row: CompareRow, seed: number, folders: Folders): Settings {
  const { data, unlabelled } = folders;
  const given: Given = { ...config.settings, ...row.settings, seed, data };
  return newSettings(unlabelled === undefined ? given : { ...given, unlabelled });
}

/** A method by its name in a configuration. @throws UsageError if there is none such for the modality. */
export function methodOf(method: string, direction: Modality): MethodName {
  const name = method === "only" ? `${direction}-only` : isMethod(method) ? method : `${method}-${direction}`;
  if (isMethod(name)) return name;
  throw new UsageError(`compare: expected one of the methods ${Object.keys(methods).join(", ")}, got ${name}`);
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}
