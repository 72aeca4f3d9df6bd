import path from "node:path";
import { resolveInside } from "../files.ts";
import { readLabel } from "../images.ts";
import { planFolder, type SampleFiles } from "../layouts.ts";
import { filesFingerprint } from "./fingerprint.ts";
import { readColour, readCounts } from "./images.ts";
import type { RawSample, Source, SourceKind } from "./source.ts";

/** Split lists beside rgb/, depth/ and, to segment, label/: what `train --data` reads as it is. */
export const lists: SourceKind = {
  about: "train.txt, val.txt or test.txt beside rgb/, depth/ and, to segment, label/",
  options: ["depthUnit"],
  open: async (root, { depthUnit = "mm" }) => {
    const plan = await planFolder(root, "lists");
    const paths = ({ rgb, depth, label }: SampleFiles) => [rgb, depth, ...(label === undefined ? [] : [label])];
    const read = async (files: SampleFiles) => {
      const label = files.label === undefined ? undefined : await resolveInside(root, files.label, files.origin);
      return {
        rgb: await readColour({ root, relative: files.rgb, origin: files.origin }),
        depth: (await readCounts({ root, relative: files.depth, origin: files.origin }, false)) as RawSample["depth"],
        label: label && (await readLabel(label)),
      } as RawSample;
    };
    return filesSource(root, "lists", { ...plan, depthUnit, paths, read });
  },
};

/** What the files of a source hold, and how a sample is read from them. */
export interface SourceFiles<Files> extends Pick<Source, "classes" | "labels" | "depthUnit"> {
  readonly splits: ReadonlyMap<string, readonly Files[]>;
  /** Type of the infrared images; none unless given. */
  readonly ir?: Source["ir"];
  /** Paths of a sample's images, relative to the source's folder. */
  readonly paths: (files: Files) => readonly string[];
  readonly read: (files: Files) => Promise<RawSample>;
}

/** A source whose samples are files below a folder. */
export function filesSource<Files extends Pick<SampleFiles, "name" | "target">>(
  root: string,
  kind: string,
  { splits, ir = null, paths, read, ...about }: SourceFiles<Files>,
): Source {
  return {
    name: path.basename(root),
    kind,
    ...about,
    ir,
    splits,
    fingerprint: () => filesFingerprint(root, [...splits.values()].flat().flatMap(paths)),
    read: (split, index) => read(splits.get(split)![index]),
    close: () => {},
  };
}
