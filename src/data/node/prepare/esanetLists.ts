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

/** Lines that name files. @throws FormatError if there is no such list. */
export function withFolder(folder: string, lines: readonly Omit<ListLine, "file">[] | null, root: string): ListLine[] {
  if (!lines) throw new FormatError(root, `a list ${folder.replace("/", "_")}.txt`, "none");
  return lines.map((line) => ({ ...line, name: line.name.replace(/\.\w+$/, ""), file: `${folder}/${line.name}` }));
}
