import { type Case, matches } from "./cases.ts";
import { kernelCases } from "./kernels.ts";
import { stepCases } from "./steps.ts";

// One of each kind that takes no slow adapter long, from what memory limits to what arithmetic does.
const SHORT = new Set([
  "matmul 512x512x512",
  "matmul 64x512x10",
  "conv2d 3x3 8x28x28x128-128",
  "conv2d 3x3 8x28x28x128-128 dx",
  "conv2d 3x3 8x28x28x128-128 dw",
  "conv2d 1x1 16x32x32x32-13",
  "batchNorm 8x56x56x64",
  "relu 16x32x32x64",
  "softmax 16x64x64x13",
  "sum of channels 16x32x32x64",
  "mmd 64x512",
]);

/** Every case. */
export function allCases(): Case[] {
  return [...kernelCases(), ...stepCases()];
}

/** Whether a case is one of the few that show in short what an adapter does. */
export function isShort({ name }: Pick<Case, "name">): boolean {
  return SHORT.has(name);
}

/** The cases with all words of a filter, of the short choice only or of all. */
export function chosenCases(filter: string, short = false): Case[] {
  return allCases().filter((one) => matches(one, filter) && (!short || isShort(one)));
}
