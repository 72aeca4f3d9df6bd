import path from "node:path";
import { resolveInside } from "../files.ts";
import { readLabel } from "../images.ts";
import { type FolderPlan, planFolder, type SampleFiles } from "../layouts.ts";
import { readColour, readCounts } from "./images.ts";
import type { RawSample, Source, SourceKind } from "./source.ts";

/** Split lists beside rgb/, depth/ and, to segment, label/: what `train --data` reads as it is. */
export const lists: SourceKind = {
  about: "train.txt, val.txt or test.txt beside rgb/, depth/ and, to segment, label/",
  options: ["depthUnit"],
  open: async (root, { depthUnit = "mm" }) => {
    const plan = await planFolder(root, "lists");
    return filesSource(root, "lists", plan, depthUnit, async (files) => {
      const label = files.label === undefined ? undefined : await resolveInside(root, files.label, files.origin);
      return {
        rgb: await readColour({ root, relative: files.rgb, origin: files.origin }),
        depth: (await readCounts({ root, relative: files.depth, origin: files.origin }, false)) as RawSample["depth"],
        label: label && (await readLabel(label)),
      } as RawSample;
    });
  },
};

/** A source whose samples are named by a plan of files. */
export function filesSource<Files extends Pick<SampleFiles, "name" | "target">>(
  root: string,
  kind: string,
  {
    splits,
    classes,
    labels,
  }: Pick<FolderPlan, "classes" | "labels"> & { splits: ReadonlyMap<string, readonly Files[]> },
  depthUnit: string,
  read: (files: Files) => Promise<RawSample>,
  ir: Source["ir"] = null,
): Source {
  return {
    name: path.basename(root),
    kind,
    classes,
    labels,
    depthUnit,
    ir,
    splits,
    read: (split, index) => read(splits.get(split)![index]),
    close: () => {},
  };
}
