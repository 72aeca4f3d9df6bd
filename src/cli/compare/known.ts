import type { DatasetFacts } from "../../run/dataset.ts";
import { CompareFolder } from "./folder.ts";
import type { Cell } from "./matrix.ts";

/**
 * Takes the results of cells that are not done from other comparisons, where these have evaluated the same network on the same
 * split: rows that several comparisons have in common are trained once. Gives the number of cells that were taken.
 * @throws FormatError if a folder is not one of a comparison.
 */
export async function takeKnown(
  folder: CompareFolder,
  cells: readonly Cell[],
  others: readonly string[],
  facts: Pick<DatasetFacts, "name" | "evaluation">,
): Promise<number> {
  const results = (await Promise.all(others.map((root) => new CompareFolder(root, root).readCells()))).flat();
  const same = results.filter(({ dataset, split }) => dataset === facts.name && split === facts.evaluation);
  const byKey = new Map(same.map((result) => [result.key, result]));
  let taken = 0;
  for (const cell of cells) {
    const known = byKey.get(cell.stage.key);
    if (!known || (await folder.readCell(cell))) continue;
    await folder.writeCell(cell, { ...known, row: cell.row.id, direction: cell.direction });
    taken++;
  }
  return taken;
}
