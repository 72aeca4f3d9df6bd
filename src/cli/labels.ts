import { IGNORED } from "../model/task.ts";

// Turned by the golden angle, neighbouring classes get hues far apart however many there are.
const GOLDEN_ANGLE = 137.508;

/** Colours a map of class indices [height,width] for people: [height,width,3]; pixels that do not count are dark grey. */
export function labelsToRgb(labels: ArrayLike<number>): Uint8Array {
  const rgb = new Uint8Array(3 * labels.length);
  for (let i = 0; i < labels.length; i++) rgb.set(colourOf(labels[i]!), 3 * i);
  return rgb;
}

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

function colourOf(label: number): [number, number, number] {
  if (label === IGNORED) return [48, 48, 48];
  const hue = ((label * GOLDEN_ANGLE) % 360) / 60;
  const value = label % 2 === 0 ? 235 : 180;
  // Six linear pieces around the circle, between a quarter of the value and all of it.
  const channel = (offset: number) => {
    const k = (offset + hue) % 6;
    return Math.round(value * (1 - 0.7 * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}
