/** Text from outside on one line and without control characters, so that it cannot steer a terminal. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
  return text.replace(/\s+/g, " ").replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

/** Text from outside as Markdown text: nothing in it is read as markup. */
export function plain(text: string): string {
  return printable(text)
    .replace(/[\\`*_{}[\]<>#|~&]/g, "\\$&")
    .trim();
}

/** A table whose first `left` columns are aligned to the left and the others to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], left: number): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(" | ")} |`;
  const align = `|${head.map((_, column) => (column < left ? "---" : "---:")).join("|")}|`;
  return [line(head), align, ...rows.map(line)].join("\n");
}

/** A code block whose fence is longer than any row of backticks in the text. */
export function codeBlock(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}sh\n${text}\n${fence}`;
}
