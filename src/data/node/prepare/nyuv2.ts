import { createHash } from "node:crypto";
import path from "node:path";
import { FormatError, UsageError } from "../../../tensor/errors.ts";
import type { Image } from "../../png.ts";
import { filesFingerprint } from "./fingerprint.ts";
import { Hdf5File } from "./hdf5.ts";
import { labelNames } from "./names.ts";
import { labelMapping, officialSplit } from "./nyuv2Metadata.ts";
import type { RawSample, Source, SourceKind } from "./source.ts";

/** The labelled set of NYU Depth V2: nyu_depth_v2_labeled.mat with the official split and 40 or 13 classes. */
export const nyuv2: SourceKind = {
  about: "nyu_depth_v2_labeled.mat, with splits.mat, classMapping40.mat (and class13Mapping.mat) beside it",
  options: ["classes", "depth"],
  open: async (file, { classes = 40, depth = "filled" }) => {
    if (classes !== 13 && classes !== 40) throw new UsageError(`--classes: expected 13 or 40, got ${classes}`);
    if (depth === "disparity") throw new UsageError("--depth: expected filled or raw, got disparity");
    const folder = path.dirname(file);
    const mapping = await labelMapping(folder, classes);
    const numbers = await officialSplit(folder);
    const data = await Hdf5File.open(file);
    try {
      return labelledSet(data, file, numbers, mapping, depth === "raw" ? "rawDepths" : "depths", classes);
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
    fingerprint: async () => {
      const size = await filesFingerprint(path.dirname(file), [path.basename(file)]);
      return createHash("sha256").update(size).update(mapping).digest("hex");
    },
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
