import { readdir } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../../tensor/errors.ts";
import { fileError } from "../files.ts";
import { listInside } from "../layouts.ts";
import { readColour, readCounts } from "./images.ts";
import { filesSource } from "./lists.ts";
import type { RawSample, Source, SourceKind } from "./source.ts";

const SPLITS = ["train", "val", "test"];

const PART = /^(.+)_(rgb|depth|ir)\.(?:png|jpe?g)$/i;

interface Parts {
  name: string;
  target: number;
  /** Where each image lies, by what it shows. */
  files: Map<string, string>;
  origin: string;
}

/** SPLIT/CLASS/NAME_rgb, NAME_depth and NAME_ir, each a PNG or a JPEG. */
export const folders: SourceKind = {
  about: "<split>/<class>/<name>_rgb, <name>_depth and, if there is one, <name>_ir (PNG or JPEG)",
  options: ["depthUnit"],
  open: async (root, { depthUnit = "mm" }) => {
    const entries = await readdir(root).catch((error) => {
      throw fileError(root, "read the folder", error);
    });
    const splits = new Map<string, Parts[]>();
    const present = SPLITS.filter((split) => entries.includes(split));
    if (present.length === 0)
      throw new FormatError(root, "a folder train, val or test", entries.slice(0, 9).join(", "));
    const names = new Map<string, string[]>();
    for (const split of present) names.set(split, await listInside(root, split, (entry) => !entry.isFile()));
    const classes = [...new Set([...names.values()].flat())].sort();
    for (const [split, own] of names) {
      const samples: Parts[] = [];
      for (const name of own) samples.push(...(await listParts(root, split, name, classes.indexOf(name))));
      splits.set(split, samples);
    }
    const all = [...splits.values()].flat();
    if (all.length === 0) throw new FormatError(path.join(root, present[0]), "CLASS/NAME_rgb.png files", "none");
    const withIr = all.find(({ files }) => files.has("ir"));
    const read = (parts: Parts) => readParts(root, parts, depthUnit !== "mm", withIr !== undefined);
    const paths = ({ files }: Parts) => [...files.values()].sort();
    const ir = withIr ? await irType(root, withIr) : null;
    return filesSource(root, "folders", { splits, classes, labels: [], depthUnit, ir, paths, read });
  },
};

async function listParts(root: string, split: string, className: string, target: number): Promise<Parts[]> {
  const folder = `${split}/${className}`;
  const samples = new Map<string, Parts>();
  for (const file of await listInside(root, folder, (entry) => !entry.isDirectory())) {
    const [, stem, captured] = PART.exec(file) ?? [];
    if (stem === undefined) continue;
    const part = captured.toLowerCase();
    const origin = path.join(root, folder, stem);
    const sample = samples.get(stem) ?? { name: `${className}/${stem}`, target, files: new Map(), origin };
    if (sample.files.has(part)) throw new FormatError(origin, `one image _${part}`, "a PNG and a JPEG");
    sample.files.set(part, `${folder}/${file}`);
    samples.set(stem, sample);
  }
  return [...samples.values()];
}

function place(root: string, { files, origin }: Parts, part: string) {
  const relative = files.get(part);
  if (relative === undefined) throw new FormatError(origin, `an image _${part} (png or jpg)`, "none");
  return { root, relative, origin };
}

async function readParts(root: string, parts: Parts, eightBit: boolean, ir: boolean): Promise<RawSample> {
  const depth = await readCounts(place(root, parts, "depth"), eightBit);
  return {
    rgb: await readColour(place(root, parts, "rgb")),
    depth: { ...depth, data: Uint16Array.from(depth.data) },
    ...(ir && { ir: await readCounts(place(root, parts, "ir"), true) }),
  };
}

async function irType(root: string, parts: Parts): Promise<Source["ir"]> {
  return (await readCounts(place(root, parts, "ir"), true)).data instanceof Uint8Array ? "U8" : "U16";
}
