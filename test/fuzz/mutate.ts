import { FormatError } from "../../src/tensor/errors.ts";

/** Mutants of each kind in a normal run; ONESTAGE_FUZZ sets another number, for a night's run. */
export const MUTANTS = Number(process.env.ONESTAGE_FUZZ ?? 100_000);

/** Whole numbers from 0 up to below `limit`, the same for the same seed. Source: Marsaglia, "Xorshift RNGs", 2003. */
export function randomIntegers(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const INTERESTING = [0, 1, 0x20, 0x22, 0x2c, 0x2d, 0x30, 0x39, 0x5b, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0xff];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "1e9",
  "01",
  "4294967296",
  "9007199254740991",
  "9007199254740992",
  "18446744073709551616",
];

/**
 * A damaged copy of one of the seeds: one to four of flip, set, delete, repeat, insert, cut, splice with another seed, and
 * replace a decimal number.
 */
export function mutate(seeds: readonly Uint8Array[], random: (limit: number) => number): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(seeds[random(seeds.length)]);
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + random(16));
    const [head, middle, tail] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
    const kind = random(8);
    if (kind === 0 && at < bytes.length) bytes[at] ^= 1 << random(8);
    else if (kind === 1 && at < bytes.length) bytes[at] = INTERESTING[random(INTERESTING.length)];
    else if (kind === 2) bytes = join(head, tail);
    else if (kind === 3) bytes = join(head, middle, middle, tail);
    else if (kind === 4) bytes = join(head, Uint8Array.of(INTERESTING[random(INTERESTING.length)]), middle, tail);
    else if (kind === 5) bytes = join(head);
    else if (kind === 6) bytes = join(head, seeds[random(seeds.length)].subarray(at));
    else bytes = replaceNumber(bytes, at, NUMBERS[random(NUMBERS.length)]);
  }
  return bytes;
}

/** What a fuzz run found. */
export interface FuzzResult {
  readonly accepted: number;
  readonly refused: number;
  /** Errors of any other class than FormatError, and messages that do not name the file: there must be none. */
  readonly foreign: string[];
  readonly slowestMs: number;
}

/** Feeds `count` inputs to `read`, which must return or throw a FormatError that names the file "f". */
export function fuzz(count: number, input: (i: number) => Uint8Array, read: (bytes: Uint8Array) => void): FuzzResult {
  let [accepted, refused, slowestMs] = [0, 0, 0];
  const foreign: string[] = [];
  for (let i = 0; i < count; i++) {
    const bytes = input(i);
    const start = performance.now();
    try {
      read(bytes);
      accepted++;
    } catch (error) {
      if (error instanceof FormatError && error.message.startsWith("f")) refused++;
      else foreign.push(`mutant ${i}: ${error}`);
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
  }
  return { accepted, refused, foreign, slowestMs };
}

/** One line for the log of a fuzz run. */
export function describeFuzz(what: string, { accepted, refused, foreign, slowestMs }: FuzzResult): string {
  const total = accepted + refused + foreign.length;
  return `${what}: ${total} mutants, ${accepted} accepted, ${refused} refused, ${foreign.length} foreign errors, slowest ${slowestMs.toFixed(1)} ms`;
}

function replaceNumber(bytes: Uint8Array, from: number, number: string): Uint8Array {
  const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
  let begin = from;
  while (begin < bytes.length && !isDigit(bytes[begin])) begin++;
  let end = begin;
  while (end < bytes.length && isDigit(bytes[end])) end++;
  return join(bytes.subarray(0, begin), new TextEncoder().encode(number), bytes.subarray(end));
}

function join(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
