import { FormatError } from "../tensor/errors.ts";

/** One entry of a JSON file, with its name for messages. */
export class Entry {
  constructor(
    readonly value: unknown,
    private readonly file: string,
    private readonly name: string,
  ) {}

  /** File and name. */
  get origin(): string {
    return this.name ? `${this.file}: ${this.name}` : this.file;
  }

  /** @throws FormatError always. */
  fail(expected: string, got: string): never {
    throw new FormatError(this.origin, expected, got);
  }

  /** The value, if it passes the check. @throws FormatError otherwise, as all of these do. */
  expect(check: (value: unknown) => boolean, expected: string): unknown {
    if (!check(this.value)) this.fail(expected, (JSON.stringify(this.value) ?? "nothing").slice(0, 60));
    return this.value;
  }

  /** The entry of an object with this key; its value is undefined where there is none. */
  at(key: string): Entry {
    const object = this.expect(isObject, "an object") as Record<string, unknown>;
    const value = Object.hasOwn(object, key) ? object[key] : undefined;
    return new Entry(value, this.file, this.name ? `${this.name}.${key}` : key);
  }

  /** All entries of an object. */
  entries(): [string, Entry][] {
    const object = this.expect(isObject, "an object") as Record<string, unknown>;
    return Object.keys(object).map((key) => [key, this.at(key)]);
  }

  /** The entries of a list of so many. */
  list(least: number, most: number): Entry[] {
    const fits = (value: unknown) => Array.isArray(value) && value.length >= least && value.length <= most;
    const list = this.expect(fits, `a list of ${least} to ${most}`) as unknown[];
    return list.map((value, i) => new Entry(value, this.file, `${this.name}[${i}]`));
  }

  /** A text. */
  text(): string {
    return this.expect((value) => typeof value === "string", "a text") as string;
  }

  /** A number between two. */
  number(low: number, high: number): number {
    const inside = (value: unknown) => typeof value === "number" && value >= low && value <= high;
    return this.expect(inside, `a number from ${low} to ${high}`) as number;
  }

  /** A whole number between two. */
  whole(low: number, high: number): number {
    const inside = (value: unknown) => Number.isInteger(value) && (value as number) >= low && (value as number) <= high;
    return this.expect(inside, `a whole number from ${low} to ${high}`) as number;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
