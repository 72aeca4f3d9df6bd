import { readdir } from "node:fs/promises";
import path from "node:path";
import { FormatError } from "../../tensor/errors.ts";
import { fileError, readText, resolveInside } from "./files.ts";
import { type ListEntry, parseClassNames, parseScenes, parseSplitList } from "./lists.ts";

/** One sample before its images are read; the paths are relative to the dataset folder, `origin` says what names it. */
export interface SampleFiles {
  readonly name: string;
  readonly rgb: string;
  readonly depth: string;
  readonly label?: string;
  readonly target?: number;
  readonly origin: string;
}

/** What a dataset folder holds, before any image is read. */
export interface FolderPlan {
  readonly splits: ReadonlyMap<string, readonly SampleFiles[]>;
  readonly classes: readonly string[];
  readonly labels: readonly string[];
}

const SPLITS = ["train", "val", "test"] as const;

const LISTS = "lists (rgb/, depth/, classes.txt, train.txt or val.txt or test.txt, and label/ for segmentation)";

const KNOWN_LAYOUTS =
  `${LISTS} or ` +
  "class folders (train/CLASS/NAME_rgb.png with NAME_depth.png beside it, likewise val/ or test/) or " +
  "what `onestage prepare` writes (index.json)";

/**
 * Recognises the layout of the dataset folder `root` (a real path) and lists its samples; `only` demands split lists.
 * @throws FormatError when the layout is unknown, or a list or a folder is not as it should be.
 */
export async function planFolder(root: string, only?: "lists"): Promise<FolderPlan> {
  const entries = await readdir(root, { withFileTypes: true }).catch((error) => {
    throw fileError(root, "read the dataset folder", error);
  });
  const names = entries.map((entry) => entry.name).sort();
  const has = (name: string) => names.includes(name);
  const lists = SPLITS.filter((split) => has(`${split}.txt`));
  if (has("rgb") && has("depth") && has("classes.txt") && lists.length > 0) return planLists(root, lists, has);
  const folders = SPLITS.filter((split) => entries.some((entry) => entry.name === split && !entry.isFile()));
  if (folders.length > 0 && only === undefined) return planClassFolders(root, folders);
  const found =
    names.length === 0 ? "an empty folder" : `${names.slice(0, 12).join(", ")}${names.length > 12 ? ", ..." : ""}`;
  throw new FormatError(root, only ? `a folder of ${LISTS}` : `one of the known layouts: ${KNOWN_LAYOUTS}`, found);
}

/** rgb/NAME.png, depth/NAME.png and, for segmentation, label/NAME.png, named by one list a split. */
async function planLists(root: string, splits: readonly string[], has: (name: string) => boolean): Promise<FolderPlan> {
  const read = async (name: string) => readText(await resolveInside(root, name, root));
  const names = parseClassNames(await read("classes.txt"), path.join(root, "classes.txt"));
  const segmented = has("label");
  const scenes = segmented && has("scenes.txt") ? await readScenes(root, read) : undefined;
  const plan = new Map<string, SampleFiles[]>();
  for (const split of splits) {
    const file = path.join(root, `${split}.txt`);
    const list = parseSplitList(await read(`${split}.txt`), file, segmented ? undefined : names.length);
    const listed = list.map((entry) => listedFiles(entry, segmented));
    plan.set(split, scenes ? listed.map((sample) => withScene(sample, scenes.targets)) : listed);
  }
  return { splits: plan, classes: segmented ? (scenes?.classes ?? []) : names, labels: segmented ? names : [] };
}

function listedFiles({ name, target, origin }: ListEntry, segmented: boolean): SampleFiles {
  const label = segmented ? `label/${name}.png` : undefined;
  return { name, rgb: `rgb/${name}.png`, depth: `depth/${name}.png`, label, target, origin };
}

async function readScenes(root: string, read: (name: string) => Promise<string>) {
  const classes = parseClassNames(await read("scene_classes.txt"), path.join(root, "scene_classes.txt"));
  const targets = parseScenes(await read("scenes.txt"), path.join(root, "scenes.txt"), classes.length);
  return { classes, targets };
}

function withScene(sample: SampleFiles, targets: ReadonlyMap<string, number>): SampleFiles {
  const target = targets.get(sample.name);
  if (target === undefined) throw new FormatError(sample.origin, "a name that scenes.txt has too", sample.name);
  return { ...sample, target };
}

/** SPLIT/CLASS/NAME_rgb.png beside NAME_depth.png; the classes are the folder names of all splits, sorted. */
async function planClassFolders(root: string, splits: readonly string[]): Promise<FolderPlan> {
  const classesOf = new Map<string, string[]>();
  for (const split of splits) classesOf.set(split, await listInside(root, split, (entry) => !entry.isFile()));
  const classes = [...new Set([...classesOf.values()].flat())].sort();
  const plan = new Map<string, SampleFiles[]>();
  for (const [split, present] of classesOf) {
    const samples: SampleFiles[] = [];
    for (const name of present) samples.push(...(await listPairs(root, split, name, classes.indexOf(name))));
    if (samples.length === 0) throw new FormatError(path.join(root, split), "CLASS/NAME_rgb.png files", "none");
    plan.set(split, samples);
  }
  return { splits: plan, classes, labels: [] };
}

async function listPairs(root: string, split: string, className: string, target: number): Promise<SampleFiles[]> {
  const folder = `${split}/${className}`;
  const files = await listInside(root, folder, (entry) => !entry.isDirectory());
  const stems = files.flatMap((file) => {
    const [, stem, ending] = /^(.+)_(?:rgb|depth)\.(png|jpe?g)$/i.exec(file) ?? [];
    if (stem === undefined) return [];
    if (ending === "png") return [stem];
    throw new FormatError(
      path.join(root, folder, file),
      "a name that ends in .png (or onestage prepare folders)",
      file,
    );
  });
  return [...new Set(stems)].map((stem) => ({
    name: `${className}/${stem}`,
    rgb: `${folder}/${stem}_rgb.png`,
    depth: `${folder}/${stem}_depth.png`,
    target,
    origin: `${path.join(root, folder)}, where its pair lies`,
  }));
}

/** Sorted names in a folder below the root that pass `wanted`; hidden files are left out. */
export async function listInside(
  root: string,
  relative: string,
  wanted: (entry: FolderEntry) => boolean,
): Promise<string[]> {
  const folder = await resolveInside(root, relative, root);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => {
    throw fileError(folder, "read the folder", error);
  });
  return entries
    .filter((entry) => !entry.name.startsWith(".") && wanted(entry))
    .map((entry) => entry.name)
    .sort();
}

/** One thing in a folder. */
export interface FolderEntry {
  isFile(): boolean;
  isDirectory(): boolean;
}
