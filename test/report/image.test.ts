import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { BLUE_RED, type ColorMap, MAGMA, paint, VIRIDIS } from "../../src/report/colormap.ts";
import { depthToRgb, featureToRgb, pngDataUri } from "../../src/report/index.ts";
import { tokens } from "../../src/report/page/style.ts";
import { ShapeError } from "../../src/tensor/errors.ts";

type Color = readonly number[];

/** Relative luminance of an sRGB colour. Source: WCAG 2.2. */
function luminance(color: Color): number {
  const [r, g, b] = [...color].map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: Color, b: Color): number {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** CIE lightness, 0..100. */
const lightness = (color: Color) => 116 * Math.cbrt(luminance(color)) - 16;

const pixel = (rgb: Uint8Array, i: number) => [...rgb.slice(i * 3, i * 3 + 3)];

describe("colour maps", () => {
  test.each([
    ["viridis", VIRIDIS],
    ["magma", MAGMA],
  ])("%s gets lighter in even steps", (_, map: ColorMap) => {
    const out = new Uint8Array(3);
    const steps = Array.from({ length: 33 }, (_, i) => {
      paint(map, i / 32, out, 0);
      return lightness([...out]);
    });
    const rises = steps.slice(1).map((value, i) => value - steps[i]);
    const mean = (steps[32] - steps[0]) / 32;
    for (const rise of rises.slice(1)) expect(Math.abs(rise - mean)).toBeLessThan(0.6 * mean);
  });

  test("positions outside 0..1 are clamped", () => {
    const out = new Uint8Array(6);
    paint(VIRIDIS, -3, out, 0);
    paint(VIRIDIS, 3, out, 3);
    expect([...out]).toEqual([...VIRIDIS[0], ...VIRIDIS[8]]);
  });
});

describe("depthToRgb", () => {
  test("near is bright, far is dark, missing is grey", () => {
    const rgb = depthToRgb(Uint16Array.of(1000, 2000, 3000, 0), 2, 2);
    expect(pixel(rgb, 0)).toEqual([...VIRIDIS[8]]);
    expect(pixel(rgb, 1)).toEqual([...VIRIDIS[4]]);
    expect(pixel(rgb, 2)).toEqual([...VIRIDIS[0]]);
    expect(new Set(pixel(rgb, 3)).size).toBe(1);
  });

  test("missing pixels are hatched; NaN and a chosen value are missing", () => {
    const hatched = depthToRgb(new Float32Array(16).fill(Number.NaN), 4, 4);
    expect(new Set(Array.from({ length: 16 }, (_, i) => hatched[i * 3])).size).toBe(2);
    const chosen = depthToRgb(Float32Array.of(-1, 0, 1), 3, 1, { missing: -1 });
    expect(pixel(chosen, 1)).toEqual([...VIRIDIS[8]]);
    expect(new Set(pixel(chosen, 0)).size).toBe(1);
  });

  test("a given range clamps, and a flat map is one colour", () => {
    const clamped = depthToRgb(Float32Array.of(0.5, 9), 2, 1, { near: 1, far: 4 });
    expect([pixel(clamped, 0), pixel(clamped, 1)]).toEqual([[...VIRIDIS[8]], [...VIRIDIS[0]]]);
    expect(pixel(depthToRgb(Float32Array.of(2, 2), 2, 1), 0)).toEqual([...VIRIDIS[4]]);
  });

  test("bad calls", () => {
    expect(() => depthToRgb(new Float32Array(5), 2, 2)).toThrow(ShapeError);
    expect(() => depthToRgb(new Float32Array(5), 2, 2)).toThrow("depthToRgb: expected 2x2 values, got 5");
    expect(() => depthToRgb(new Float32Array(4), 2, 2, { near: 3, far: 1 })).toThrow("near 3, far 1");
  });
});

describe("featureToRgb", () => {
  test("a map without negative values goes from black to bright", () => {
    const rgb = featureToRgb(Float32Array.of(0, 1, 2, Number.NaN), 2, 2);
    expect([0, 1, 2, 3].map((i) => pixel(rgb, i))).toEqual([
      [...MAGMA[0]],
      [...MAGMA[4]],
      [...MAGMA[8]],
      [128, 128, 128],
    ]);
  });

  test("a signed map is blue below and red above zero", () => {
    const rgb = featureToRgb(Float32Array.of(-2, 0, 1, 2), 1, 4);
    expect([pixel(rgb, 0), pixel(rgb, 1), pixel(rgb, 3)]).toEqual([
      [...BLUE_RED[0]],
      [...BLUE_RED[3]],
      [...BLUE_RED[6]],
    ]);
  });

  test("a shared scale makes maps comparable; zeros alone are black", () => {
    expect(pixel(featureToRgb(Float32Array.of(1), 1, 1, 2), 0)).toEqual([...MAGMA[4]]);
    expect(pixel(featureToRgb(Float32Array.of(0), 1, 1), 0)).toEqual([...MAGMA[0]]);
    expect(() => featureToRgb(Float32Array.of(0), 1, 1, 0)).toThrow("a scale above 0, got 0");
    expect(() => featureToRgb(Float32Array.of(0), 2, 1)).toThrow(ShapeError);
  });
});

test("pngDataUri holds the picture's own pixels", () => {
  const rgb = Uint8Array.from({ length: 5 * 3 * 3 }, (_, i) => (i * 37) % 256);
  const [head, body] = pngDataUri({ width: 5, height: 3, rgb }).split(",");
  expect(head).toBe("data:image/png;base64");
  const image = decode(Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0)));
  expect([image.width, image.height, image.channels]).toEqual([5, 3, 3]);
  expect([...image.data]).toEqual([...rgb]);
});

describe.each([
  ["light", 0],
  ["dark", 1],
] as const)("the %s theme", (_, theme) => {
  const values = Object.fromEntries(
    tokens(theme)
      .split(";")
      .map((entry) => entry.split(":")),
  );
  const color = (name: string): number[] => {
    const value: string = values[`--${name}`];
    if (!value.startsWith("#")) return value.split(" ").map(Number);
    const digits = value.length === 4 ? value.slice(1).replace(/./g, "$&$&") : value.slice(1);
    return [0, 2, 4].map((i) => Number.parseInt(digits.slice(i, i + 2), 16));
  };

  test("text reads at 4.5:1 on everything it stands on", () => {
    for (const ink of ["ink", "muted"]) {
      for (const ground of ["paper", "card", "soft"])
        expect([ink, ground, contrast(color(ink), color(ground)) >= 4.5]).toEqual([ink, ground, true]);
    }
    for (const ink of ["good", "bad"]) expect(contrast(color(ink), color("card"))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(color("paper"), color("ink"))).toBeGreaterThanOrEqual(4.5);
  });

  test("numbers read at 4.5:1 on the strongest tint of a confusion matrix", () => {
    for (const tint of ["hit", "miss"]) {
      const mixed = color(tint).map((value, i) => 0.9 * value + 0.1 * color("card")[i]);
      expect(contrast(color("ink"), mixed)).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("marks, lines and the focus ring stand out at 3:1", () => {
    const marks = Object.keys(values).filter((name) => /^--(rgb|depth|both|term)\d$/.test(name));
    expect(marks).toHaveLength(24);
    for (const name of [...marks, "--focus"]) {
      for (const ground of ["paper", "card"])
        expect([name, contrast(color(name.slice(2)), color(ground)) >= 3]).toEqual([name, true]);
    }
  });
});
