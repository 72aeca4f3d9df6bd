import path from "node:path";
import { FormatError } from "../../../tensor/errors.ts";
import { readText, resolveInside } from "../files.ts";
import { readLines, requireInside } from "../lists.ts";

const IMAGES = [".png", ".jpg", ".npy"];

/** One line of a list: the sample that it names, a file of that sample, and "FILE:LINE". */
export interface ListLine {
  name: string;
  file: string;
  origin: string;
}

/** Where the three images of a sample lie, relative to the source's folder. */
export interface RgbdFiles {
  name: string;
  rgb: string;
  depth: string;
  label: string;
  origin: string;
}

/** The lines of a list; null if it is not among the files that are there. @throws FormatError naming the line. */
export async function readList(
  root: string,
  name: string,
  present: readonly string[],
): Promise<Omit<ListLine, "file">[] | null> {
  if (!present.includes(name)) return null;
  const text = await readText(await resolveInside(root, name, root));
  return readLines(text, path.join(root, name)).map(({ content, origin }) => {
    requireInside(content, origin);
    return { name: content, origin };
  });
}

/** Lines that name samples: the files' ending is that of the first file that is there. */
export async function withEndings(
  root: string,
  folder: string,
  lines: readonly Omit<ListLine, "file">[],
): Promise<ListLine[]> {
  let ending = IMAGES[0];
  for (const other of IMAGES) {
    const found = await resolveInside(root, `${folder}/${lines[0]?.name}${other}`, root).catch(() => null);
    if (found) ending = other;
  }
  return lines.map((line) => ({ ...line, file: `${folder}/${line.name}${ending}` }));
}

/**
 * The lines of the first of `lists` that is there, which name files in `folder`, or with "" in the source's own.
 * @throws FormatError if there is no such list.
 */
export async function readFileList(
  root: string,
  folder: string,
  lists: readonly string[],
  present: readonly string[],
): Promise<ListLine[]> {
  const list = lists.find((name) => present.includes(name));
  const lines = list === undefined ? null : await readList(root, list, present);
  if (!lines) throw new FormatError(root, `a list ${lists[0]}`, "none");
  const within = folder === "" ? "" : `${folder}/`;
  return lines.map((line) => ({ ...line, name: line.name.replace(/\.\w+$/, ""), file: `${within}${line.name}` }));
}

/**
 * The samples of a split from one list for each kind of image, line by line.
 * @throws FormatError if the lists differ in length; `parts` are what they are called.
 */
export function joinLists(
  where: string,
  [rgb, depth, label]: readonly ListLine[][],
  parts: readonly string[],
): RgbdFiles[] {
  if (depth.length !== rgb.length || label.length !== rgb.length) {
    const counts = [rgb, depth, label].map(({ length }, i) => `${length} of ${parts[i]}`);
    throw new FormatError(where, "as many lines in each list", counts.join(", "));
  }
  return rgb.map(({ name, origin, file }, i) => {
    return { name, origin, rgb: file, depth: depth[i].file, label: label[i].file };
  });
}
