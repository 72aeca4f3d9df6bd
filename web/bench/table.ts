import { make } from "../dom.ts";

/** One row of a table: its cells, the first of which names it, and a class that marks it. */
export interface Line {
  cells: readonly string[];
  mark?: string;
}

/**
 * Fills a table, or leaves it empty where there is no row. Cells know the name of their column, for phones show them below their row's name instead of below a
 * header; the roles are said because such cells are no cells of a table to a browser.
 */
export function fillTable(table: HTMLTableElement, header: readonly string[], lines: readonly Line[]): void {
  table.replaceChildren();
  if (lines.length === 0) return;
  const headRow = row("");
  headRow.append(...header.map((text) => cell("th", "columnheader", text)));
  const [head, body] = [make("thead"), make("tbody")];
  head.append(headRow);
  body.append(
    ...lines.map(({ cells, mark = "" }) => {
      const line = row(mark);
      const [name = "", ...values] = cells;
      const parts = values.map((text, i) => {
        const part = cell("td", "cell", text);
        part.dataset.column = header[i + 1]!;
        return part;
      });
      line.append(cell("th", "rowheader", name), ...parts);
      return line;
    }),
  );
  for (const group of [head, body]) group.setAttribute("role", "rowgroup");
  table.setAttribute("role", "table");
  table.append(head, body);
}

function row(className: string): HTMLTableRowElement {
  const made = make("tr", { className });
  made.setAttribute("role", "row");
  return made;
}

function cell(tag: "td" | "th", role: string, text: string): HTMLTableCellElement {
  const made = make(tag, { text });
  made.setAttribute("role", role);
  return made;
}
