import { IGNORED } from "../model/task.ts";
import { type Html, html } from "./html.ts";

// Turned by the golden angle, neighbouring classes get hues far apart however many there are.
const GOLDEN_ANGLE = 137.508;

/** Colours a map of class indices [height,width] for people: [height,width,3]; pixels that do not count are dark grey. */
export function labelsToRgb(labels: ArrayLike<number>): Uint8Array {
  const rgb = new Uint8Array(3 * labels.length);
  for (let i = 0; i < labels.length; i++) rgb.set(classColour(labels[i]!), 3 * i);
  return rgb;
}

/** The colour of a pixel class in label maps: red, green, blue, 0 to 255. */
export function classColour(label: number): [number, number, number] {
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

/** A small square in the colour of a pixel class. */
export function swatch(label: number): Html {
  return html`<svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" fill="rgb(${classColour(label).join(" ")})"/></svg>`;
}

/** Which colour of a label map is which class. */
export function classLegend(classes: readonly string[]): Html {
  const entries = [...classes.entries(), [IGNORED, "not counted"] as const];
  return html`<ul class="key legend-of-classes" aria-label="Colours of the classes">${entries.map(([label, name]) => html`<li>${swatch(label)} ${name}</li>`)}</ul>`;
}
