import { type Arr, arr } from "./array.ts";

/** An array as the golden files hold it. */
export interface GoldenArray {
  shape: number[];
  data: number[];
}

/** One golden evaluation of an op with the gradients of its first inputs. */
export interface GoldenCase {
  attrs: unknown;
  inputs: GoldenArray[];
  y: GoldenArray;
  dy: GoldenArray;
  gradients: GoldenArray[];
}

/** Reads a golden array. */
export function golden({ shape, data }: GoldenArray): Arr {
  return arr(shape, data);
}
