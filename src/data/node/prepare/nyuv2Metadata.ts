import { stat } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../../tensor/errors.ts";
import { readWholeFile } from "../files.ts";
import { Hdf5File, isHdf5 } from "./hdf5.ts";
import { type MatValue, readMat5 } from "./mat5.ts";

const MAX_METADATA_BYTES = 2 ** 24;

/** Pixel classes of the labelled set before any mapping. */
const RAW_CLASSES = 894;

/** A metadata file beside the .mat: its usual names and what it is needed for. */
interface Metadata {
  readonly names: readonly string[];
  readonly use: string;
}
const SPLITS: Metadata = { names: ["splits.mat"], use: "the official split" };
const MAPPING_40: Metadata = { names: ["classMapping40.mat"], use: "the 40 classes" };
const MAPPING_13: Metadata = { names: ["class13Mapping.mat", "classMapping13.mat"], use: "the 13 classes" };

/** The 1-based numbers of the images of the official split. @throws FormatError when splits.mat is missing or damaged. */
export async function officialSplit(folder: string): Promise<Record<"train" | "test", readonly number[]>> {
  const [train, test] = await vectors(folder, SPLITS, ["trainNdxs", "testNdxs"]);
  return { train, test };
}

/**
 * The index of each of the 1 + 894 raw classes among the 40 or 13; 255 for those that are void.
 * @throws FormatError when a mapping is missing or damaged.
 */
export async function labelMapping(folder: string, classes: 13 | 40): Promise<Uint8Array> {
  const [to40] = await vectors(folder, MAPPING_40, ["mapClass"]);
  checkMapping(MAPPING_40, to40, [RAW_CLASSES], 40);
  let numbers = to40;
  if (classes === 13) {
    const [to13] = await vectors(folder, MAPPING_13, ["classMapping13", "mapClass"], 1);
    checkMapping(MAPPING_13, to13, [40, RAW_CLASSES], 13);
    numbers = to13.length === 40 ? to40.map((k) => (k === 0 ? 0 : to13[k - 1])) : to13;
  }
  return Uint8Array.from([0, ...numbers], (number) => (number === 0 ? 255 : number - 1));
}

function checkMapping(
  { names: [file] }: Metadata,
  numbers: readonly number[],
  lengths: number[],
  classes: number,
): void {
  const good = (number: number) => Number.isInteger(number) && number >= 0 && number <= classes;
  if (lengths.includes(numbers.length) && numbers.every(good)) return;
  const got = `${numbers.length} numbers, ${numbers.find((number) => !good(number)) ?? "all in range"}`;
  throw new FormatError(file, `${lengths.join(" or ")} numbers 0..${classes}`, got);
}

/** Vectors of a metadata file by name: each of `names`, or with `wanted` 1 the first that is there. */
async function vectors(folder: string, { names: files, use }: Metadata, names: string[], wanted = names.length) {
  const candidates = files.map((name) => path.join(folder, name));
  const found: string[] = [];
  for (const file of candidates) if ((await stat(file).catch(() => null))?.isFile()) found.push(file);
  const [file] = found;
  if (!file) throw new FormatError(folder, `${files.join(" or ")}, for ${use}`, "no such file beside the dataset");
  const all = (await readVectors(file, names)).filter((vector) => vector !== undefined);
  if (all.length < wanted)
    throw new FormatError(file, `numbers named ${names.join(wanted === 1 ? " or " : " and ")}`, "none");
  return all;
}

async function readVectors(file: string, names: readonly string[]): Promise<(number[] | undefined)[]> {
  if (!(await isHdf5(file))) {
    const variables = readMat5(await readWholeFile(file, MAX_METADATA_BYTES), file);
    return names.map((name) => vectorOf(variables.get(name)));
  }
  const data = await Hdf5File.open(file);
  try {
    return names.map((name) => data.numbers(name));
  } finally {
    data.close();
  }
}

/** A vector, or the first vector of a struct. */
function vectorOf(value: MatValue | undefined): number[] | undefined {
  if (value === undefined || Array.isArray(value)) return value;
  if (typeof value === "object" && "fields" in value)
    return [...value.fields.values()].find((field) => Array.isArray(field));
  return undefined;
}
