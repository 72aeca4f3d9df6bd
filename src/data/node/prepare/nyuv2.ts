import { stat } from "node:fs/promises";
import path from "node:path";
import { FormatError, UsageError } from "../../../tensor/errors.ts";
import type { Image } from "../../png.ts";
import { readWholeFile } from "../files.ts";
import { Hdf5File, isHdf5 } from "./hdf5.ts";
import { type MatValue, readMat5 } from "./mat5.ts";
import { labelNames } from "./names.ts";
import type { RawSample, Source, SourceKind } from "./source.ts";

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

/** The labelled set of NYU Depth V2: nyu_depth_v2_labeled.mat with the official split and 40 or 13 classes. */
export const nyuv2: SourceKind = {
  about: "nyu_depth_v2_labeled.mat, with splits.mat, classMapping40.mat (and class13Mapping.mat) beside it",
  options: ["classes", "depth"],
  open: async (file, { classes = 40, depth = "filled" }) => {
    if (classes !== 13 && classes !== 40) throw new UsageError(`--classes: expected 13 or 40, got ${classes}`);
    if (depth === "disparity") throw new UsageError("--depth: expected filled or raw, got disparity");
    const folder = path.dirname(file);
    const mapping = await labelMapping(folder, classes);
    const [train, test] = await vectors(folder, SPLITS, ["trainNdxs", "testNdxs"]);
    const data = await Hdf5File.open(file);
    try {
      return labelledSet(data, file, { train, test }, mapping, depth === "raw" ? "rawDepths" : "depths", classes);
    } catch (error) {
      data.close();
      throw error;
    }
  },
};

function labelledSet(
  data: Hdf5File,
  file: string,
  numbers: Record<string, readonly number[]>,
  mapping: Uint8Array,
  depths: string,
  classes: number,
): Source {
  const [count, , width, height] = data.shape("images", { dtype: "<B", shape: [-1, 3, -1, -1] });
  data.shape(depths, { dtype: "<f", shape: [count, width, height] });
  data.shape("labels", { dtype: "<H", shape: [count, width, height] });
  const splits = new Map(Object.entries(numbers).map(([split, rows]) => [split, samples(split, rows, count)]));
  return {
    name: path.basename(file).replace(/\.mat$/, ""),
    kind: "nyuv2",
    classes: [],
    labels: labelNames[classes],
    depthUnit: "mm",
    ir: null,
    splits,
    read: async (split, index) => {
      const row = splits.get(split)![index].row;
      return readRow(data, row, { width, height, depths, mapping, origin: `${file}: labels of ${row + 1}` });
    },
    close: () => data.close(),
  };
}

/** Named by their 1-based number, as everybody names them. */
function samples(split: string, numbers: readonly number[], count: number) {
  return numbers.map((number) => {
    if (Number.isInteger(number) && number >= 1 && number <= count) {
      return { name: String(number).padStart(4, "0"), row: number - 1 };
    }
    throw new FormatError(`splits.mat: ${split}`, `image numbers 1..${count}`, `${number}`);
  });
}

interface RowOptions {
  readonly width: number;
  readonly height: number;
  readonly depths: string;
  readonly mapping: Uint8Array;
  readonly origin: string;
}

/** One image. MATLAB stores columns one after another: each array is [..., width, height] here. */
function readRow(data: Hdf5File, row: number, { width, height, depths, mapping, origin }: RowOptions): RawSample {
  const size = { width, height };
  const rgb: Image = { ...size, data: new Uint8Array(3 * width * height) };
  const depth: Image<Uint16Array> = { ...size, data: new Uint16Array(width * height) };
  const label: Image = { ...size, data: new Uint8Array(width * height) };
  const colours = data.slice("images", row);
  const metres = data.slice(depths, row);
  const classes = data.slice("labels", row);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const [from, to] = [x * height + y, y * width + x];
      for (let c = 0; c < 3; c++) rgb.data[3 * to + c] = colours[c * width * height + from];
      const millimetres = Math.round(1000 * metres[from]);
      // Neither NaN nor what 16 bits cannot hold is a distance.
      depth.data[to] = millimetres > 0 && millimetres <= 65535 ? millimetres : 0;
      if (classes[from] >= mapping.length) {
        throw new FormatError(`${origin} at x ${x}, y ${y}`, `0..${mapping.length - 1}`, `${classes[from]}`);
      }
      label.data[to] = mapping[classes[from]];
    }
  }
  return { rgb, depth, label };
}

/** The index of each of the 1 + 894 raw classes among the 40 or 13; 255 for those that are void. */
async function labelMapping(folder: string, classes: 13 | 40): Promise<Uint8Array> {
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
