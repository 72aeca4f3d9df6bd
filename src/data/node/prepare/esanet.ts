import { readdir } from "node:fs/promises";
import path from "node:path";
import { FormatError, UsageError } from "../../../tensor/errors.ts";
import { fileError, readText, resolveInside } from "../files.ts";
import { parseClassNames } from "../lists.ts";
import { readList, withEndings, withFolder } from "./esanetLists.ts";
import { type ImagePlace, readColour, readDepthMap, readShiftedLabel } from "./images.ts";
import { filesSource } from "./lists.ts";
import { labelNames } from "./names.ts";
import type { SourceKind, SourceOptions } from "./source.ts";

/** The splits by their names in the layout. */
const SPLITS = { train: "train", valid: "val", val: "val", test: "test" } as const;

/** Folders of each kind of depth; the first that is there is taken where nothing is asked for. */
const DEPTHS = { filled: "depth", disparity: "disparity_raw", raw: "depth_raw" } as const;

/** Usual numbers of pixel classes, the preferred ones first. */
const CLASSES = [40, 37, 19, 13];

interface Files {
  name: string;
  rgb: string;
  depth: string;
  label: string;
  origin: string;
}

/** The folders of ESANet and of nicr-scene-analysis-datasets: NYUv2, SUN RGB-D, Cityscapes. */
export const esanet: SourceKind = {
  about: "the layout of ESANet and nicr-scene-analysis-datasets: <split>/{rgb,depth,labels_40}/, <split>.txt",
  options: ["classes", "depth", "depthUnit"],
  open: async (root, options) => {
    const names = await listFolder(root);
    const present = Object.keys(SPLITS).filter((split) =>
      names.some((name) => isListOf(split, name)),
    ) as (keyof typeof SPLITS)[];
    if (present.length === 0) {
      throw new FormatError(
        root,
        "lists train.txt, test.txt or train_rgb.txt, test_rgb.txt",
        names.slice(0, 9).join(", "),
      );
    }
    const inside = await listFolder(path.join(root, present[0]));
    const depth = chooseDepth(root, inside, options);
    const { folder: labels, classes } = chooseLabels(root, inside, options);
    const splits = new Map<string, Files[]>();
    for (const split of present) {
      const read = (name: string) => readList(root, name, names);
      const shared = await read(`${split}.txt`);
      const [rgb, depths, maps] = shared
        ? await Promise.all(["rgb", depth, labels].map((part) => withEndings(root, `${split}/${part}`, shared)))
        : await Promise.all(
            ["rgb", depth, labels].map(async (part) =>
              withFolder(`${split}/${part}`, await read(`${split}_${part}.txt`), root),
            ),
          );
      if (depths.length !== rgb.length || maps.length !== rgb.length) {
        const got = `${rgb.length} of rgb, ${depths.length} of ${depth}, ${maps.length} of ${labels}`;
        throw new FormatError(path.join(root, split), "as many lines in each list", got);
      }
      splits.set(
        SPLITS[split],
        rgb.map((line, i) => ({ ...line, rgb: line.file, depth: depths[i].file, label: maps[i].file })),
      );
    }
    const [first] = [...splits.values()].flat();
    const usual = depth === DEPTHS.disparity ? "disparity" : "mm";
    // NumPy files hold metres, which are brought to centimetres.
    const unit = first?.depth.endsWith(".npy") ? "cm" : (options.depthUnit ?? usual);
    const plan = { splits, classes: [], labels: await readNames(root, names, classes) };
    return filesSource(root, "esanet", plan, unit, async ({ rgb, depth: map, label, origin }) => {
      const place = (relative: string): ImagePlace => ({ root, relative, origin });
      return {
        rgb: await readColour(place(rgb)),
        depth: await readDepthMap(place(map)),
        label: await readShiftedLabel(place(label), classes),
      };
    });
  },
};

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
    // SUN RGB-D has one set of classes only.
    if (name === "semantic") found.set(37, name);
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

/** Names of the classes: class_names_1+N.txt without its void, else the usual ones, else numbers. */
async function readNames(root: string, present: readonly string[], classes: number): Promise<readonly string[]> {
  const file = `class_names_1+${classes}.txt`;
  if (!present.includes(file))
    return labelNames[classes] ?? Array.from({ length: classes }, (_, i) => `class ${i + 1}`);
  const [, ...names] = parseClassNames(await readText(await resolveInside(root, file, root)), path.join(root, file));
  if (names.length === classes) return names;
  throw new FormatError(path.join(root, file), `void and ${classes} names`, `${names.length + 1}`);
}
