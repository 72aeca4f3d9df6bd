/** A piece of HTML that is safe to put into a page as it is. */
export class Html {
  constructor(readonly text: string) {}
}

/** What a template may hold: text is escaped, HTML is kept, lists are joined, nothing (null, undefined, false) is left out. */
export type HtmlValue = Html | string | number | null | undefined | false | HtmlValue[];

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Escapes text for use between tags and inside quoted attributes; control characters become U+FFFD. */
export function escapeHtml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to remove
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd")
      .replace(/[&<>"']/g, (character) => ENTITIES[character])
  );
}

function show(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(show).join("");
  return escapeHtml(String(value));
}

/** Template tag for HTML: every interpolated string is escaped, so attributes must be in quotes. */
export function html(strings: TemplateStringsArray, ...values: HtmlValue[]): Html {
  return new Html(strings.reduce((text, part, i) => text + show(values[i - 1]) + part));
}

/** A `<script type="application/json">` block; numbers that are not finite become null. */
export function jsonScript(id: string, value: unknown): Html {
  // The parser of HTML knows no JSON: a "<" in a string could end the block or open a comment.
  const json = JSON.stringify(value).replace(/</g, "\\u003c");
  return html`<script type="application/json" id="${id}">${new Html(json)}</script>`;
}

/** A `<script>` block of trusted code. */
export function codeScript(code: string): Html {
  return new Html(`<script>${code.replace(/<\/(?=script)/gi, "<\\/")}</script>`);
}
