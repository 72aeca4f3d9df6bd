import { FormatError } from "../tensor/errors.ts";

/** Most keys an object may have; the largest published models have a few thousand tensors a file. */
const MAX_KEYS = 100_000;

/**
 * Reads the small part of JSON that a safetensors header consists of: objects, strings and lists of whole numbers.
 * `JSON.parse` cannot be used there: it keeps the last of two equal keys, which lets one file mean two things. Nothing
 * here recurses, so deep nesting costs nothing.
 * Source: RFC 8259.
 */
export class StrictJsonReader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  /** Reports that `expected` did not come. @throws FormatError always. */
  fail(expected: string): never {
    const rest = this.text.slice(this.at, this.at + 20);
    const got = rest === "" ? "the end of the header" : JSON.stringify(rest);
    throw new FormatError(this.file, `${expected} at header character ${this.at}`, got);
  }

  /** Reads `{ "key": value, ... }` of at most 100,000 keys; `readValue` consumes each value. @throws FormatError */
  object(readValue: (key: string) => void): void {
    this.expect("{");
    if (this.take("}")) return;
    let keys = 0;
    do {
      if (keys++ === MAX_KEYS) this.fail(`at most ${MAX_KEYS} keys`);
      const key = this.string();
      this.expect(":");
      readValue(key);
    } while (this.take(","));
    this.expect("}");
  }

  /** Reads `[ integer, ... ]` of at most `limit` numbers from 0 to 2^53 - 1. @throws FormatError */
  integers(limit: number): number[] {
    const values: number[] = [];
    this.expect("[");
    if (this.take("]")) return values;
    do {
      if (values.length === limit) this.fail(`at most ${limit} numbers`);
      values.push(this.integer());
    } while (this.take(","));
    this.expect("]");
    return values;
  }

  /** Reads a string that is valid Unicode. @throws FormatError */
  string(): string {
    this.expect('"');
    const begin = this.at;
    let end = this.text.indexOf('"', begin);
    while (end >= 0 && this.isEscaped(end, begin)) end = this.text.indexOf('"', end + 1);
    if (end < 0) this.fail("a closing quote");
    const raw = this.text.slice(begin, end);
    const value = /[\\\p{Cc}]/u.test(raw) ? this.unescape(raw) : raw;
    this.at = end + 1;
    return value;
  }

  /** Checks that only white space is left. @throws FormatError */
  end(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.fail("the end of the header");
  }

  private integer(): number {
    this.skipSpace();
    const begin = this.at;
    while (isDigit(this.text.charCodeAt(this.at)) && this.at - begin <= 16) this.at++;
    const digits = this.text.slice(begin, this.at);
    const value = Number(digits);
    if (digits === "" || (digits.length > 1 && digits[0] === "0") || !Number.isSafeInteger(value)) {
      this.at = begin;
      this.fail("a whole number from 0 to 2^53 - 1");
    }
    return value;
  }

  /** True when the quote at `position` follows an odd number of backslashes. */
  private isEscaped(position: number, begin: number): boolean {
    let slash = position;
    while (slash > begin && this.text[slash - 1] === "\\") slash--;
    return (position - slash) % 2 === 1;
  }

  private unescape(raw: string): string {
    let value = "";
    try {
      value = JSON.parse(`"${raw}"`);
    } catch {
      this.fail("a valid string");
    }
    // Half a surrogate pair has no UTF-8 form: such a name could be read but never written back.
    if (/\p{Surrogate}/u.test(value)) this.fail("a string of whole Unicode characters");
    return value;
  }

  private expect(character: string): void {
    if (!this.take(character)) this.fail(`'${character}'`);
  }

  private take(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
