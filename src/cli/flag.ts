import { sharesOf } from "../run/settings.ts";
import { UsageError } from "../tensor/errors.ts";

/** One flag that sets a setting: what the help says, and how its text is read. */
export interface Flag {
  readonly flag: string;
  readonly value: string;
  readonly help: string;
  /** @throws UsageError naming the flag, what was expected and what came. */
  parse(text: string): string | number;
}

/** A flag whose value is any text but an empty one. */
export function text(flag: string, value: string, help: string): Flag {
  return {
    flag,
    value,
    help,
    parse(input) {
      if (input !== "") return input;
      throw new UsageError(`${flag}: expected ${value}, got nothing`);
    },
  };
}

// Of a flag with its names, beside which there is room for the help on a line of 80 characters.
const COLUMN = 28;

/** A flag whose value is one of some names. */
export function choice(flag: string, names: readonly string[], help: string): Flag {
  const list = names.join("|");
  const short = flag.length + list.length <= COLUMN;
  return {
    flag,
    value: short ? `<${list}>` : "<name>",
    help: short ? help : `${help}: ${names.join(list.includes(",") ? " or " : ", ")}`,
    parse(input) {
      if (names.includes(input)) return input;
      throw new UsageError(`${flag}: expected one of ${names.join(", ")}, got ${show(input)}`);
    },
  };
}

/** A flag whose value is a whole number between two. */
export function whole(flag: string, low: number, high: number, help: string): Flag {
  return {
    flag,
    value: "<n>",
    help,
    parse(input) {
      const value = /^\d{1,10}$/.test(input) ? Number(input) : Number.NaN;
      if (value >= low && value <= high) return value;
      throw new UsageError(`${flag}: expected a whole number from ${low} to ${high}, got ${show(input)}`);
    },
  };
}

/** A flag whose value is a number between two. */
export function decimal(flag: string, low: number, high: number, help: string): Flag {
  return {
    flag,
    value: "<x>",
    help,
    parse(input) {
      const value = /^\d*\.?\d+(e-?\d+)?$/i.test(input) ? Number(input) : Number.NaN;
      if (value >= low && value <= high) return value;
      throw new UsageError(`${flag}: expected a number from ${low} to ${high}, got ${show(input)}`);
    },
  };
}

/** Three counts: "train,val,test". @throws UsageError naming the flag. */
export function parseScenes(counts: string): string {
  const numbers = counts.split(",").map((count) => count.trim());
  const right = numbers.length === 3 && numbers.every((count) => /^[1-9]\d{0,5}$/.test(count));
  if (right) return numbers.join(",");
  throw new UsageError(`--scenes: expected three numbers train,val,test from 1 to 999999, got ${show(counts)}`);
}

/** Two factors: "low,high". @throws UsageError naming the flag. */
export function parseRange(range: string): string {
  const numbers = range.split(",").map(Number);
  const [low = Number.NaN, high = Number.NaN] = numbers;
  if (numbers.length === 2 && low > 0 && low <= high && high <= 10) return numbers.join(",");
  throw new UsageError(`--scale: expected low,high with 0 < low <= high <= 10, got ${show(range)}`);
}

/** Shares of a training: decimals or fractions, each larger than the one before. @throws UsageError naming the flag. */
export function parseMilestones(list: string): string {
  const milestones = list.replaceAll(/\s/g, "");
  const shares = sharesOf(milestones);
  if (shares.every((share, i) => share > (shares[i - 1] ?? 0) && share < 1)) return milestones;
  throw new UsageError(
    `--milestones: expected increasing shares of the training such as 1/6,1/3,0.5, got ${show(list)}`,
  );
}

/** A part: "i/k", or none. @throws UsageError naming the flag. */
export function parsePart(part: string): string {
  if (part === "none") return part;
  const [, i, k] = /^([1-9]\d?)\/([1-9]\d?)$/.exec(part) ?? [];
  if (i !== undefined && k !== undefined && Number(i) <= Number(k) && Number(k) >= 2) return part;
  throw new UsageError(`--hold-out: expected i/k with 1 <= i <= k and k from 2 to 99, or none, got ${show(part)}`);
}

/** An argument as messages show it. */
export function show(input: string): string {
  return JSON.stringify(input.length > 40 ? `${input.slice(0, 40)}...` : input);
}

/** An argument as a shell reads it. */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
