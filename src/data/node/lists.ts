import { FormatError } from "../../tensor/errors.ts";

/** One line of a split list: the sample's name, its class where the list has one, and where that was written. */
export interface ListEntry {
  readonly name: string;
  readonly target?: number;
  /** "FILE:LINE", for messages. */
  readonly origin: string;
}

/** Most classes a dataset may have: labels are bytes and 255 means "ignore". */
const MAX_CLASSES = 255;

/**
 * Reads a split list: one "NAME" a line, or "NAME CLASS_INDEX" where the images have `classes` classes.
 * @throws FormatError naming file and line.
 */
export function parseSplitList(text: string, file: string, classes?: number): ListEntry[] {
  const expected = classes === undefined ? '"NAME"' : '"NAME CLASS_INDEX"';
  const entries = readLines(text, file).map(({ content, origin }) => {
    const [name, index, ...more] = content.split(/\s+/);
    if (more.length > 0 || (index === undefined) !== (classes === undefined)) {
      throw new FormatError(origin, expected, quote(content));
    }
    requireInside(name, origin);
    return { name, origin, target: classes === undefined ? undefined : parseIndex(index, classes, origin) };
  });
  if (entries.length === 0) throw new FormatError(file, `lines of ${expected}`, "an empty list");
  return entries;
}

/**
 * Reads classes.txt: one class name a line.
 * @throws FormatError when it is empty, names a class twice, or has more than 255 names.
 */
export function parseClassNames(text: string, file: string): string[] {
  const names: string[] = [];
  for (const { content, origin } of readLines(text, file)) {
    if (names.includes(content)) throw new FormatError(origin, "each class once", `${quote(content)} again`);
    if (names.push(content) > MAX_CLASSES) throw new FormatError(file, `at most ${MAX_CLASSES} classes`, "more");
  }
  if (names.length === 0) throw new FormatError(file, "one class name a line", "an empty file");
  return names;
}

/**
 * Reads scenes.txt: one "NAME TYPE CLASS_INDEX" a line; gives each sample's class index.
 * @throws FormatError naming file and line.
 */
export function parseScenes(text: string, file: string, classes: number): Map<string, number> {
  const scenes = new Map<string, number>();
  for (const { content, origin } of readLines(text, file)) {
    const [name, , index, ...more] = content.split(/\s+/);
    if (index === undefined || more.length > 0)
      throw new FormatError(origin, '"NAME TYPE CLASS_INDEX"', quote(content));
    if (scenes.has(name)) throw new FormatError(origin, "each sample once", `${quote(name)} again`);
    scenes.set(name, parseIndex(index, classes, origin));
  }
  return scenes;
}

/**
 * Checks a name from a list. It may contain folders; what would be absolute or climb on any system is refused on all.
 * @throws FormatError when it leads out of the dataset folder.
 */
export function requireInside(name: string, origin: string): void {
  if (!/^\/|\\|^[A-Za-z]:/.test(name) && !name.split("/").includes("..")) return;
  throw new FormatError(origin, "a path inside the dataset folder", quote(name));
}

/**
 * Lines that are not blank, without the white space around them, and "FILE:LINE" of each.
 * @throws FormatError when one has control characters.
 */
export function readLines(text: string, file: string): { content: string; origin: string }[] {
  const lines: { content: string; origin: string }[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const content = line.trim();
    if (/\p{Cc}/u.test(content.replaceAll("\t", " "))) {
      throw new FormatError(`${file}:${i + 1}`, "text without control characters", quote(content));
    }
    if (content !== "") lines.push({ content, origin: `${file}:${i + 1}` });
  }
  return lines;
}

function parseIndex(text: string, classes: number, origin: string): number {
  const index = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (index < 0 || index >= classes) throw new FormatError(origin, `a class index 0..${classes - 1}`, quote(text));
  return index;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
