import { IGNORED } from "../model/task.ts";

/** Names of the classes that cover most of a map, largest first. */
export function largestClasses(labels: ArrayLike<number>, classes: readonly string[], count: number): string[] {
  const sizes = pixelShares(labels, classes.length);
  const order = [...sizes.keys()].filter((k) => sizes[k]! > 0).sort((a, b) => sizes[b]! - sizes[a]!);
  return order.slice(0, count).map((k) => classes[k]!);
}

/** The share of a map's pixels that each class covers. */
export function pixelShares(labels: ArrayLike<number>, classes: number): number[] {
  const shares = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) if (labels[i] !== IGNORED) shares[labels[i]!]! += 1 / labels.length;
  return shares;
}
