import { describe, expect, it } from "vitest";
import { resizeSample, turnSample } from "../../src/data/resample.ts";
import type { Sample } from "../../src/data/sample.ts";

function grey(width: number, height: number, value: (x: number, y: number) => number): Sample {
  const at = (i: number) => value(i % width, Math.floor(i / width));
  const length = width * height;
  return {
    name: "grey",
    width,
    height,
    rgb: Uint8Array.from({ length: 3 * length }, (_, i) => at(Math.floor(i / 3)) + (i % 3)),
    depth: Uint16Array.from({ length }, (_, i) => 100 * at(i)),
    ir: Uint16Array.from({ length }, (_, i) => 200 * at(i)),
    label: Uint8Array.from({ length }, (_, i) => at(i)),
    target: 3,
  };
}

const all = ({ width, height }: { width: number; height: number }) => ({ x: 0, y: 0, width, height });
const red = ({ rgb }: Sample) => [...rgb].filter((_, i) => i % 3 === 0);

describe("resizeSample", () => {
  it("to the same size gives the same image", () => {
    const sample = grey(7, 5, (x, y) => (37 * x + 11 * y * y) % 250);
    expect(resizeSample(sample, sample, all(sample))).toEqual(sample);
  });

  it("keeps a ramp a ramp, between the outermost pixels' centres", () => {
    const sample = grey(8, 4, (x) => 20 * x);
    const canvas = { width: 20, height: 4 };
    const resized = resizeSample(sample, canvas, all(canvas));
    for (let x = 0; x < 20; x++) {
      const position = Math.min(Math.max((x + 0.5) / 2.5 - 0.5, 0), 7);
      expect(resized.rgb[3 * x]).toBe(Math.round(20 * position));
      expect(resized.rgb[3 * x + 2]).toBe(Math.round(20 * position) + 2);
      expect(resized.ir![x]).toBe(Math.round(4000 * position));
      expect(resized.depth[x]).toBe(2000 * Math.floor((x + 0.5) / 2.5));
      expect(resized.label![x]).toBe(20 * Math.floor((x + 0.5) / 2.5));
    }
    expect(resized).toMatchObject({ name: "grey", target: 3, width: 20, height: 4 });
  });

  it("averages what it covers where it shrinks: to the half by 1 3 3 1", () => {
    const values = [0, 80, 240, 40, 160, 16, 96, 200];
    const sample = grey(8, 2, (x) => values[x]!);
    const canvas = { width: 4, height: 2 };
    const expected = [1, 2].map((i) => {
      const [a, b, c, d] = values.slice(2 * i - 1) as [number, number, number, number];
      return Math.round((a + 3 * b + 3 * c + d) / 8);
    });
    const resized = red(resizeSample(sample, canvas, all(canvas)));
    expect(resized.slice(1, 3)).toEqual(expected);
    // At the border only what is inside counts.
    expect(resized[0]).toBe(Math.round((3 * 0 + 3 * 80 + 240) / 7));
  });

  it("a checkerboard shrunk to a quarter is grey, not black or white", () => {
    const sample = grey(32, 32, (x, y) => ((x + y) % 2 ? 0 : 240));
    const canvas = { width: 8, height: 8 };
    for (const value of red(resizeSample(sample, canvas, all(canvas)))) expect(Math.abs(value - 120)).toBeLessThan(8);
  });

  it("a window is that part of the whole", () => {
    const sample = grey(9, 7, (x, y) => (53 * x + 29 * y) % 240);
    for (const canvas of [
      { width: 13, height: 9 },
      { width: 6, height: 5 },
    ]) {
      const whole = resizeSample(sample, canvas, all(canvas));
      const window = { x: 2, y: 1, width: 3, height: 4 };
      const part = resizeSample(sample, canvas, window);
      for (let y = 0; y < 4; y++) {
        for (let x = 0; x < 3; x++) {
          const [to, from] = [y * 3 + x, (y + 1) * canvas.width + x + 2];
          expect(part.rgb[3 * to]).toBe(whole.rgb[3 * from]);
          expect(part.depth[to]).toBe(whole.depth[from]);
        }
      }
    }
  });

  it("leaves out what a sample does not have", () => {
    const { ir: _, label: __, ...bare } = grey(4, 4, (x) => x);
    const resized = resizeSample(bare, { width: 6, height: 6 }, all({ width: 6, height: 6 }));
    expect(Object.keys(resized).sort()).toEqual(["depth", "height", "name", "rgb", "target", "width"]);
  });
});

describe("turnSample", () => {
  const sample = grey(4, 4, (x, y) => 10 * x + y);

  it("by a quarter turn counter-clockwise: the right column becomes the top row", () => {
    const turned = turnSample(sample, 90, all(sample));
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) {
        const value = 10 * (3 - y) + x;
        expect(turned.rgb[3 * (4 * y + x)]).toBe(value);
        expect(turned.depth[4 * y + x]).toBe(100 * value);
        expect(turned.label![4 * y + x]).toBe(value);
        expect(turned.ir![4 * y + x]).toBe(200 * value);
      }
    }
  });

  it("by nothing leaves the window as it is", () => {
    const turned = turnSample(sample, 0, { x: 1, y: 2, width: 2, height: 2 });
    expect(red(turned)).toEqual([12, 22, 13, 23]);
    expect([...turned.depth]).toEqual([1200, 2200, 1300, 2300]);
  });

  it("of a ramp gives the turned ramp", () => {
    const ramp = grey(40, 40, (x, y) => 100 + x + 2 * y);
    const [c, s] = [Math.cos(Math.PI / 9), Math.sin(Math.PI / 9)];
    const turned = turnSample(ramp, 20, { x: 15, y: 15, width: 10, height: 10 });
    for (let y = 0; y < 10; y++) {
      for (let x = 0; x < 10; x++) {
        const [dx, dy] = [x - 4.5, y - 4.5];
        const value = 100 + (19.5 + c * dx - s * dy) + 2 * (19.5 + s * dx + c * dy);
        expect(Math.abs(turned.ir![10 * y + x]! - 200 * value)).toBeLessThan(0.51);
      }
    }
  });
});
