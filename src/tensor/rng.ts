import { UsageError } from "./errors.ts";
import { cos, log } from "./math.ts";

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const TWO_32 = 4294967296;

/** Key under which names are absorbed into a stream's identity; any constant apart from the drawing keys' role would do. */
const NAMING_KEY = [0x6f6e6573, 0x74616765] as const;

/** Upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  // Neither sum reaches 2^32: (2^16 - 1)^2 + (2^16 - 1) < 2^32.
  const middle = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bLow) >>> 16);
  const cross = (Math.imul(aLow, bHigh) >>> 0) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0;
}

/**
 * The Philox 4x32-10 bijection: writes the four random words of one counter value under one key into `out`.
 *
 * Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */
export function philox4x32(
  out: Uint32Array,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  key0: number,
  key1: number,
): void {
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 = (key0 + WEYL_0) | 0;
    key1 = (key1 + WEYL_1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Where a generator stands, as plain data for a checkpoint: the stream's 128-bit identity and how many words were drawn. */
export interface RngState {
  readonly stream: readonly number[];
  readonly drawn: number;
}

/** Mixes one 32-bit word into a stream identity; distinct words always give distinct identities. */
function absorbWord(id: Uint32Array, word: number): void {
  philox4x32(id, id[0] ^ word, id[1], id[2], id[3], NAMING_KEY[0], NAMING_KEY[1]);
}

/** Mixes one path element into a stream identity; its type and length go first, so that ("ab") and ("a", "b") differ. */
function absorb(id: Uint32Array, element: number | string): void {
  if (typeof element === "string") {
    absorbWord(id, element.length * 2 + 1);
    for (let i = 0; i < element.length; i++) absorbWord(id, element.charCodeAt(i));
    return;
  }
  if (!Number.isFinite(element)) throw new UsageError(`Rng: expected a finite seed or path number, got ${element}`);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, element === 0 ? 0 : element); // -0 and 0 name the same stream
  absorbWord(id, 0);
  absorbWord(id, bits.getUint32(0));
  absorbWord(id, bits.getUint32(4));
}

/**
 * A counter-based random generator: every stream is a pure function of a seed and a path of names, and gives the same bits in every engine.
 *
 * `fork` depends on the names alone, never on how much was drawn, so that adding a draw in one place cannot change another.
 *
 * @throws UsageError if the seed or a number in the path is not finite.
 */
export class Rng {
  private readonly id: Uint32Array;
  private readonly block = new Uint32Array(4);
  private drawn = 0;

  constructor(seed: number, ...path: (number | string)[]) {
    this.id = new Uint32Array(4);
    absorb(this.id, seed);
    for (const element of path) absorb(this.id, element);
  }

  /** An independent stream below this one: `new Rng(s, a).fork(b)` equals `new Rng(s, a, b)`. */
  fork(...path: (number | string)[]): Rng {
    return Rng.at(this.id, path);
  }

  private static at(id: ArrayLike<number>, path: readonly (number | string)[]): Rng {
    const rng = new Rng(0);
    rng.id.set(id);
    for (const element of path) absorb(rng.id, element);
    return rng;
  }

  /** Where this generator stands; `Rng.restore` continues from there. */
  state(): RngState {
    return { stream: Array.from(this.id), drawn: this.drawn };
  }

  /**
   * The generator that `state` was taken from.
   *
   * @throws UsageError if it is not four 32-bit words and a count.
   */
  static restore(state: RngState): Rng {
    const word = (value: unknown) => typeof value === "number" && value >>> 0 === value;
    const stream: unknown = state?.stream;
    if (!Array.isArray(stream) || stream.length !== 4 || !stream.every(word)) {
      throw new UsageError(`Rng.restore: expected a stream of four 32-bit words, got ${JSON.stringify(stream)}`);
    }
    if (!Number.isSafeInteger(state.drawn) || state.drawn < 0) {
      throw new UsageError(`Rng.restore: expected a count of drawn words, got ${state.drawn}`);
    }
    const rng = Rng.at(stream, []);
    rng.drawn = state.drawn;
    if (rng.drawn % 4 !== 0) rng.refill();
    return rng;
  }

  private refill(): void {
    const index = Math.floor(this.drawn / 4);
    const { id } = this;
    philox4x32(this.block, index | 0, Math.floor(index / TWO_32), id[2], id[3], id[0], id[1]);
  }

  /** The next integer in [0, 2^32). */
  uint32(): number {
    const lane = this.drawn % 4;
    if (lane === 0) this.refill();
    this.drawn++;
    return this.block[lane];
  }

  /** A number in [low, high), on a grid of 2^32 steps. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / TWO_32);
  }

  /**
   * A normally distributed number; always uses two words.
   *
   * Source: Box and Muller, "A note on the generation of random normal deviates" (1958), its cosine half.
   */
  normal(mean = 0, std = 1): number {
    const radius = Math.sqrt(-2 * log((this.uint32() + 0.5) / TWO_32));
    return mean + std * radius * cos((2 * Math.PI * this.uint32()) / TWO_32);
  }

  /**
   * An integer in [0, n), each equally likely.
   *
   * @throws UsageError unless n is an integer from 1 to 2^32.
   */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32) {
      throw new UsageError(`Rng.int: expected an integer from 1 to 2^32, got ${n}`);
    }
    // Words beyond the largest multiple of n would favour small results.
    const limit = TWO_32 - (TWO_32 % n);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return word % n;
  }

  /** True with probability p. */
  bernoulli(p: number): boolean {
    return this.uniform() < p;
  }

  /** The integers 0 to n-1 in random order. Source: Fisher and Yates' shuffle in Durstenfeld's form (1964). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
    return order;
  }

  /** Fills `out` with normally distributed numbers of mean zero. */
  fillNormal(out: Float32Array, std = 1): void {
    for (let i = 0; i < out.length; i++) out[i] = this.normal(0, std);
  }

  /** Fills `out` with numbers in [low, high); 24 bits each, so that rounding to float32 cannot turn 0.999... into 1. */
  fillUniform(out: Float32Array, low = 0, high = 1): void {
    for (let i = 0; i < out.length; i++) out[i] = low + (high - low) * ((this.uint32() >>> 8) / 16777216);
  }
}
