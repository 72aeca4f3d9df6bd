import { realpath } from "node:fs/promises";
import { readText, resolveInside } from "../../data/node/files.ts";
import type { Dataset } from "../../data/sample.ts";
import { FormatError } from "../../tensor/errors.ts";
import type { CompareConfig } from "./config.ts";

/**
 * What each sample of a split was cut out of, by the table that the configuration names; null where it names none.
 * @throws FormatError if the table lacks the column or a sample.
 */
export async function groupsOf(
  { groups }: Pick<CompareConfig, "groups">,
  data: string,
  dataset: Dataset,
  split: string,
): Promise<string[] | null> {
  if (!groups) return null;
  const table = await resolveInside(await realpath(data), groups.file, "groups");
  const [head = [], ...lines] = (await readText(table)).split("\n").map((line) => line.trim().split(","));
  const column = head.indexOf(groups.column);
  if (column < 0) throw new FormatError(table, `a column ${groups.column}`, head.join(", "));
  const byName = new Map(lines.map((line) => [line[0], line[column]]));
  return Array.from({ length: dataset.size(split) }, (_, i) => {
    const { name } = dataset.sample(split, i);
    const group = byName.get(name);
    if (group === undefined) throw new FormatError(table, `a line for ${name}`, "none");
    return group;
  });
}
