import { readdir } from "node:fs/promises";
import path from "node:path";
import { FormatError, UsageError } from "../../../tensor/errors.ts";
import { fileError, readText, resolveInside } from "../files.ts";
import { parseClassNames } from "../lists.ts";
import { joinLists, type RgbdFiles, readFileList, readList, withEndings } from "./esanetLists.ts";
import { type ImagePlace, readColour, readDepthMap, readShiftedLabel } from "./images.ts";
import { filesSource } from "./lists.ts";
import { labelNames } from "./names.ts";
import type { SourceKind, SourceOptions } from "./source.ts";
import { isSunRgbd, SUN_CLASSES, SUN_DEPTH_UNIT, sunRgbdSplits } from "./sunRgbd.ts";

/** The splits by their names in the layout. */
const SPLITS = { train: "train", valid: "val", val: "val", test: "test" } as const;

/** Folders of each kind of depth; the first that is there is taken where nothing is asked for. */
const DEPTHS = { filled: "depth", disparity: "disparity_raw", raw: "depth_raw" } as const;

/** Usual numbers of pixel classes, the preferred ones first. */
const CLASSES = [40, 37, 19, 13];

/** Where nicr-scene-analysis-datasets has the labels of SUN RGB-D, of which there is one set only. */
const SUN_LABELS = "semantic";

/** The folders of ESANet and of nicr-scene-analysis-datasets: NYUv2, SUN RGB-D, Cityscapes. */
export const esanet: SourceKind = {
  about: "the layouts of ESANet and nicr-scene-analysis-datasets: <split>/{rgb,depth,labels_40}/, <split>.txt",
  options: ["classes", "depth", "depthUnit"],
  open: async (root, options) => {
    const names = await listFolder(root);
    const sun = isSunRgbd(names);
    const { splits, classes, usual } = sun
      ? { splits: await sunRgbdSplits(root, names, options), classes: SUN_CLASSES, usual: SUN_DEPTH_UNIT }
      : await folderSplits(root, names, options);
    const [first] = [...splits.values()].flat();
    // NumPy files hold metres, which are brought to centimetres.
    const numpy = first?.depth.endsWith(".npy");
    if (numpy && options.depthUnit !== undefined) {
      throw new UsageError(
        `--depth-unit: expected none for depth in NumPy files, which hold metres, got ${options.depthUnit}`,
      );
    }
    const depthUnit = numpy ? "cm" : (options.depthUnit ?? usual);
    const labels = await readNames(root, names, classes);
    const paths = ({ rgb, depth, label }: RgbdFiles) => [rgb, depth, label];
    const read = async ({ rgb, depth, label, origin }: RgbdFiles) => {
      const place = (relative: string): ImagePlace => ({ root, relative, origin });
      return {
        rgb: await readColour(place(rgb)),
        depth: await readDepthMap(place(depth)),
        label: await readShiftedLabel(place(label), classes),
      };
    };
    return filesSource(root, "esanet", { splits, classes: [], labels, depthUnit, paths, read });
  },
};

/** What there is to know of folders of images, before any is read: their samples, classes and usual unit of depth. */
async function folderSplits(root: string, names: readonly string[], options: SourceOptions) {
  const present = Object.keys(SPLITS).filter((split) =>
    names.some((name) => isListOf(split, name)),
  ) as (keyof typeof SPLITS)[];
  if (present.length === 0) {
    const got = names.slice(0, 9).join(", ");
    throw new FormatError(root, "lists train.txt, test.txt or train_rgb.txt, test_rgb.txt", got);
  }
  const inside = await listFolder(path.join(root, present[0]));
  const depth = chooseDepth(root, inside, options);
  const { folder: labels, classes } = chooseLabels(root, inside, options);
  const parts = ["rgb", depth, labels];
  const splits = new Map<string, RgbdFiles[]>();
  for (const split of present) {
    const shared = await readList(root, `${split}.txt`, names);
    const lists = await Promise.all(
      parts.map((part) => {
        if (shared) return withEndings(root, `${split}/${part}`, shared);
        // Of Cityscapes' folders semantic_N, nicr-scene-analysis-datasets writes lists that are still called labels_N.
        const lists = [part, part.replace(/^semantic_/, "labels_")].map((name) => `${split}_${name}.txt`);
        return readFileList(root, `${split}/${part}`, lists, names);
      }),
    );
    splits.set(SPLITS[split], joinLists(path.join(root, split), lists, parts));
  }
  const millimetres = labels === SUN_LABELS ? SUN_DEPTH_UNIT : "mm";
  return { splits, classes, usual: depth === DEPTHS.disparity ? "disparity" : millimetres };
}

const isListOf = (split: string, name: string) => name === `${split}.txt` || name === `${split}_rgb.txt`;

async function listFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error) => {
    throw fileError(folder, "read the folder", error);
  });
  return names.sort();
}

function chooseDepth(root: string, inside: readonly string[], { depth }: SourceOptions): string {
  const wanted = depth ? [DEPTHS[depth]] : Object.values(DEPTHS);
  const found = wanted.find((folder) => inside.includes(folder));
  if (found) return found;
  throw new FormatError(root, `a folder ${wanted.join(", ")} in each split`, inside.slice(0, 12).join(", "));
}

function chooseLabels(root: string, inside: readonly string[], { classes }: SourceOptions) {
  const found = new Map<number, string>();
  for (const name of inside) {
    const [, number] = /^(?:labels|semantic)_(\d{1,4})$/.exec(name) ?? [];
    if (number) found.set(Number(number), name);
    if (name === SUN_LABELS) found.set(SUN_CLASSES, name);
  }
  const chosen = classes ?? CLASSES.find((number) => found.has(number)) ?? [...found.keys()][0];
  const folder = chosen === undefined ? undefined : found.get(chosen);
  const have = [...found.keys()].sort((a, b) => a - b).join(", ") || "none";
  if (classes !== undefined && !folder) throw new UsageError(`--classes: expected one of ${have}, got ${classes}`);
  if (folder === undefined || chosen! > 255) {
    throw new FormatError(root, "label maps labels_N or semantic_N of at most 255 classes in each split", have);
  }
  return { folder, classes: chosen! };
}

/**
 * Names of the classes: class_names_1+N.txt without its void, else the usual ones, else numbers. For the 33 of Cityscapes that
 * file is not believed: the maps have the labels 0 (unlabelled, the void) to 33, but ESANet's list goes on with the licence
 * plate, which is in no map, and that of nicr-scene-analysis-datasets puts a void before the unlabelled, so that every name is
 * one too far.
 */
async function readNames(root: string, present: readonly string[], classes: number): Promise<readonly string[]> {
  const file = `class_names_1+${classes}.txt`;
  const usual = labelNames[classes];
  if (!present.includes(file)) return usual ?? Array.from({ length: classes }, (_, i) => `class ${i + 1}`);
  const [, ...names] = parseClassNames(await readText(await resolveInside(root, file, root)), path.join(root, file));
  if (classes === 33 && names.includes("ego vehicle")) return usual;
  if (names.length === classes) return names;
  throw new FormatError(path.join(root, file), `void and ${classes} names`, `${names.length + 1}`);
}
