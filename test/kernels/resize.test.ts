import { beforeAll, describe, expect, it } from "vitest";
import { type ResizeAttrs, resize, resizeOp } from "../../src/kernels/resize.ts";
import type { GpuDevice } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import resizeGolden from "../golden/resize.json";
import { opSuite } from "./suite.ts";

const extents: { name: string; from: number[]; height: number; width: number }[] = [
  { name: "up by two", from: [2, 3, 5, 5], height: 6, width: 10 },
  { name: "up by other factors", from: [1, 4, 3, 3], height: 11, width: 7 },
  { name: "down", from: [1, 13, 11, 4], height: 5, width: 3 },
  { name: "down by more than three", from: [1, 17, 9, 1], height: 2, width: 1 },
  { name: "up and down", from: [2, 3, 8, 2], height: 7, width: 3 },
  { name: "to the same", from: [1, 5, 4, 11], height: 5, width: 4 },
  { name: "from one pixel", from: [2, 1, 1, 3], height: 4, width: 5 },
  { name: "to one pixel", from: [2, 5, 4, 3], height: 1, width: 1 },
  { name: "no images", from: [0, 2, 2, 3], height: 3, width: 3 },
  { name: "no channels", from: [2, 2, 2, 0], height: 3, width: 3 },
];
const image = (device: GpuDevice) => device.upload(new Float32Array(4), [1, 2, 2, 1]);

opSuite(resizeOp, {
  cases: (["bilinear", "nearest"] as const).flatMap((mode) =>
    extents.map(({ name, from, height, width }) => ({
      name: `${mode} ${name}`,
      inputs: [from],
      attrs: { height, width, mode },
    })),
  ),
  bad: [
    {
      name: "three axes",
      run: (device) => resize(device.upload([1], [1, 1, 1]), { height: 1, width: 1, mode: "nearest" }),
      message: /expected x\[N,H,W,C\], got \[1,1,1\]/,
    },
    {
      name: "no pixel",
      run: (device) => resize(device.upload([], [1, 2, 0, 1]), { height: 1, width: 1, mode: "nearest" }),
      message: /at least one pixel, got \[1,2,0,1\]/,
    },
    {
      name: "a height of zero",
      run: (device) => resize(image(device), { height: 0, width: 1, mode: "bilinear" }),
      message: /an extent in \[1, 214748364\] for 2 pixels, got 0/,
    },
    {
      name: "a width that is no integer",
      run: (device) => resize(image(device), { height: 2, width: 1.5, mode: "bilinear" }),
      message: /an extent in \[1, 214748364\] for 2 pixels, got 1\.5/,
    },
    {
      name: "an unknown mode",
      run: (device) => resize(image(device), { height: 2, width: 2, mode: "cubic" as "nearest" }),
      message: /the mode bilinear or nearest, got cubic/,
    },
  ],
  ulp: ({ mode }) => (mode === "nearest" ? 0 : 2),
  scale: 0.5,
});

describe("resize", () => {
  let device: GpuDevice;
  beforeAll(async () => {
    device = await testDevice();
  });

  it.each(Object.entries(resizeGolden))("%s follows PyTorch", async (_, { attrs, inputs, y, dy, gradients }) => {
    const [input] = inputs;
    const x = device.upload(input!.data, input!.shape);
    x.requiresGrad = true;
    const output = resizeOp.apply([x], attrs as ResizeAttrs);
    const upstream = device.upload(dy.data, dy.shape);
    const [dx] = resizeOp.backward(output.node!, upstream, [true]);
    for (const [tensor, expected] of [
      [output, y],
      [dx!, gradients[0]!],
    ] as const) {
      expect(tensor.shape).toEqual(expected.shape);
      const actual = await tensor.read();
      const peak = Math.max(...expected.data.map(Math.abs));
      for (const [i, want] of expected.data.entries())
        expect(Math.abs(actual[i]! - want)).toBeLessThanOrEqual(1e-6 * peak);
    }
    for (const tensor of [x, output, upstream, dx!]) tensor.dispose();
  });

  it.each(["bilinear", "nearest"] as const)(
    "%s: the gradient hands out what it gets, whatever the extents",
    async (mode) => {
      for (const [from, to] of [
        [1, 9],
        [2, 64],
        [7, 5],
        [31, 4],
        [64, 63],
        [101, 100],
      ] as const) {
        const x = device.upload(new Float32Array(from), [1, 1, from, 1]);
        x.requiresGrad = true;
        const y = resize(x, { height: 1, width: to, mode });
        const dy = device.upload(new Array<number>(to).fill(1), y.shape);
        const [dx] = resizeOp.backward(y.node!, dy, [true]);
        const total = Array.from(await dx!.read()).reduce((sum, value) => sum + value, 0);
        expect(Math.abs(total - to)).toBeLessThan(1e-5 * to);
        for (const tensor of [x, y, dy, dx!]) tensor.dispose();
      }
    },
  );
});
