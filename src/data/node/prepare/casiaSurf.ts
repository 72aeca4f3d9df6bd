import path from "node:path";
import { FormatError } from "../../../tensor/errors.ts";
import { readText, resolveInside } from "../files.ts";
import { readLines, requireInside } from "../lists.ts";
import { readColour, readCounts } from "./images.ts";
import { filesSource } from "./lists.ts";
import type { RawSample, SourceKind } from "./source.ts";

/** The list that each split is read from; those without labels cannot be used. */
const LISTS = [
  ["train", "train_list.txt"],
  ["val", "val_private_list.txt"],
  ["test", "test_private_list.txt"],
] as const;

/** By the number in the lists. */
const CLASSES = ["spoof", "live"];

interface Line {
  name: string;
  target: number;
  rgb: string;
  depth: string;
  ir: string;
  origin: string;
}

/** The lists of CASIA-SURF: colour, depth and infrared of a face, of 8 bits each. */
export const casiaSurf: SourceKind = {
  about: "CASIA-SURF lists (train_list.txt, val_private_list.txt, test_private_list.txt) of RGB, 8-bit depth and IR",
  options: [],
  open: async (root) => {
    const splits = new Map<string, Line[]>();
    for (const [split, list] of LISTS) {
      const file = path.join(root, list);
      const real = await resolveInside(root, list, root).catch((error) => {
        if (error instanceof FormatError && split !== "train") return null;
        throw error;
      });
      if (real) splits.set(split, parseList(await readText(real, 2 ** 26), file));
    }
    const read = async ({ rgb, depth, ir, origin }: Line): Promise<RawSample> => {
      const near = await readCounts({ root, relative: depth, origin }, true);
      return {
        rgb: await readColour({ root, relative: rgb, origin }),
        depth: { ...near, data: Uint16Array.from(near.data) },
        ir: await readCounts({ root, relative: ir, origin }, true),
      };
    };
    const paths = ({ rgb, depth, ir }: Line) => [rgb, depth, ir];
    const kind = { classes: CLASSES, labels: [], depthUnit: "8-bit", ir: "U8" } as const;
    return filesSource(root, "casia-surf", { ...kind, splits, paths, read });
  },
};

function parseList(text: string, file: string): Line[] {
  return readLines(text, file).map(({ content, origin }) => {
    const [rgb, depth, ir, label, ...more] = content.split(/\s+/);
    if (more.length > 0 || (label !== "0" && label !== "1")) {
      throw new FormatError(
        origin,
        '"COLOUR DEPTH INFRARED LABEL" with label 0 or 1',
        JSON.stringify(content.slice(0, 60)),
      );
    }
    for (const image of [rgb, depth, ir]) requireInside(image, origin);
    return { name: rgb.replace(/\.\w+$/, ""), target: Number(label), rgb, depth, ir, origin };
  });
}
