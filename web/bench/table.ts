import { make } from "../dom.ts";

/** One row of a table: its cells, the first of which names it, and a class that marks it. */
export interface Line {
  cells: readonly string[];
  mark?: string;
}

// Rows that are laid out in one go: all at once would hold up the page.
const ROWS_AT_ONCE = 16;
// The last filling of each table, and what each row shows.
const fillings = new WeakMap<HTMLTableElement, symbol>();
const shown = new WeakMap<Element, string>();

/**
 * Fills a table, or leaves it empty where there is no row; rows that are there already stay, many new ones come frame by frame,
 * and as long as some are missing the table is busy. Cells know the name of their column, for phones show them below their
 * row's name instead of below a header; the roles are said because such cells are no cells of a table to a browser.
 */
export function fillTable(table: HTMLTableElement, header: readonly string[], lines: readonly Line[]): void {
  const filling = Symbol("filling");
  fillings.set(table, filling);
  const body = bodyOf(table, lines.length > 0 ? header : []);
  while (body.rows.length > lines.length) body.lastElementChild!.remove();
  let next = 0;
  const more = () => {
    // Another filling has begun since.
    if (fillings.get(table) !== filling) return;
    for (let made = 0; next < lines.length && made < ROWS_AT_ONCE; next++) {
      const before = body.rows[next];
      if (before && shown.get(before) === textOf(lines[next]!)) continue;
      const line = lineRow(lines[next]!, header);
      if (before) before.replaceWith(line);
      else body.append(line);
      made++;
    }
    const busy = next < lines.length;
    table.setAttribute("aria-busy", String(busy));
    if (busy) requestAnimationFrame(more);
  };
  more();
}

/** The body of a table with this header; where it has had another one, or is to have none, it is emptied. */
function bodyOf(table: HTMLTableElement, header: readonly string[]): HTMLTableSectionElement {
  const [before] = table.tBodies;
  const text = header.join("\n");
  if (before && shown.get(before) === text) return before;
  const [head, body] = [make("thead"), make("tbody")];
  const headRow = row("");
  headRow.append(...header.map((name) => cell("th", "columnheader", name)));
  head.append(headRow);
  for (const group of [head, body]) group.setAttribute("role", "rowgroup");
  table.setAttribute("role", "table");
  shown.set(body, text);
  table.replaceChildren(...(header.length > 0 ? [head, body] : []));
  return body;
}

function textOf({ cells, mark = "" }: Line): string {
  return [mark, ...cells].join("\n");
}

function lineRow(line: Line, header: readonly string[]): HTMLTableRowElement {
  const made = row(line.mark ?? "");
  const [name = "", ...values] = line.cells;
  const parts = values.map((text, i) => {
    const part = cell("td", "cell", text);
    part.dataset.column = header[i + 1]!;
    return part;
  });
  made.append(cell("th", "rowheader", name), ...parts);
  shown.set(made, textOf(line));
  return made;
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
