import path from "node:path";
import { FormatError, UsageError } from "../../../tensor/errors.ts";
import { joinLists, type RgbdFiles, readFileList } from "./esanetLists.ts";
import type { SourceOptions } from "./source.ts";

/** Pixel classes of SUN RGB-D. */
export const SUN_CLASSES = 37;

/**
 * What one step of SUN RGB-D's depth is. Its files have millimetres rotated left by three bits, which ESANet takes as they
 * are: eight steps a millimetre up to 8.19 m. Source: depthRead.m of SUN3D; Song et al. 2015.
 */
export const SUN_DEPTH_UNIT = "0.125 mm";

const PARTS = ["rgb", "depth", "label"];

/** Whether a folder, by the names in it, has the lists that ESANet's own script writes for SUN RGB-D. */
export function isSunRgbd(names: readonly string[]): boolean {
  return names.includes("train_label.txt") || names.includes("test_label.txt");
}

/**
 * The samples of SUN RGB-D where ESANet's own script left them: lists of paths from the source's folder, labels as NumPy files.
 * Source: ESANet src/datasets/sunrgbd/pytorch_dataset.py and prepare_dataset.py.
 * @throws UsageError for options that SUN RGB-D does not have; FormatError naming the list that is missing or wrong.
 */
export async function sunRgbdSplits(
  root: string,
  present: readonly string[],
  { classes = SUN_CLASSES, depth = "filled" }: SourceOptions,
): Promise<Map<string, RgbdFiles[]>> {
  if (classes !== SUN_CLASSES) throw new UsageError(`--classes: expected ${SUN_CLASSES}, got ${classes}`);
  if (depth === "disparity") throw new UsageError("--depth: expected filled or raw, got disparity");
  const splits = new Map<string, RgbdFiles[]>();
  for (const split of ["train", "test"]) {
    if (!PARTS.some((part) => present.includes(`${split}_${part}.txt`))) continue;
    const lists = await Promise.all(PARTS.map((part) => readFileList(root, "", [`${split}_${part}.txt`], present)));
    const samples = joinLists(path.join(root, split), lists, PARTS);
    splits.set(split, depth === "raw" ? samples.map(withRawDepth) : samples);
  }
  return splits;
}

/** The lists name depth that was filled in; what the camera gave lies beside it. */
function withRawDepth(files: RgbdFiles): RgbdFiles {
  const raw = files.depth.replace(/(^|\/)depth_bfx\//, "$1depth/");
  if (raw !== files.depth) return { ...files, depth: raw };
  throw new FormatError(files.origin, "depth in a folder depth_bfx, beside which the raw one lies", files.depth);
}
