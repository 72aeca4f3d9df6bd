import { expect, it } from "vitest";
import { resizeLabels, resizeLabelsOp } from "../../src/kernels/resize_labels.ts";
import type { GpuDevice } from "../../src/tensor/index.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const labels = (shape: number[]) => ({ shape, classes: 256 });
const image = (device: GpuDevice) => device.upload([1, 2, 3, 4], [1, 2, 2], "u32");

opSuite(resizeLabelsOp, {
  cases: [
    { name: "a quarter", inputs: [labels([2, 12, 20])], attrs: { height: 3, width: 5 } },
    { name: "down by no whole factor", inputs: [labels([3, 13, 11])], attrs: { height: 5, width: 3 } },
    { name: "up", inputs: [labels([1, 3, 2])], attrs: { height: 7, width: 6 } },
    { name: "to the same", inputs: [labels([1, 5, 4])], attrs: { height: 5, width: 4 } },
    { name: "to one pixel", inputs: [labels([2, 5, 7])], attrs: { height: 1, width: 1 } },
    { name: "no images", inputs: [labels([0, 2, 2])], attrs: { height: 3, width: 3 } },
  ],
  bad: [
    {
      name: "four axes",
      run: (device) => resizeLabels(device.upload([1], [1, 1, 1, 1], "u32"), { height: 1, width: 1 }),
      message: /expected labels\[N,H,W\], got \[1,1,1,1\]/,
    },
    {
      name: "no pixel",
      run: (device) => resizeLabels(device.upload([], [1, 0, 2], "u32"), { height: 1, width: 1 }),
      message: /at least one pixel, got \[1,0,2\]/,
    },
    {
      name: "a height of zero",
      run: (device) => resizeLabels(image(device), { height: 0, width: 1 }),
      message: /an extent in \[1, 536870912\] for 2 pixels, got 0/,
    },
    {
      name: "floats",
      run: (device) => resizeLabels(device.upload([1], [1, 1, 1]), { height: 1, width: 1 }),
      message: /u32 for input 0, got f32/,
    },
  ],
  ulp: 0,
  nan: false,
});

it("takes the label under the middle of each pixel, and keeps 255", async () => {
  const device = await testDevice();
  const x = device.upload([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255], [1, 4, 4], "u32");
  const half = resizeLabels(x, { height: 2, width: 2 });
  const third = resizeLabels(x, { height: 1, width: 3 });
  expect([...(await half.read())]).toEqual([5, 7, 13, 255]);
  expect([...(await third.read())]).toEqual([8, 10, 11]);
  for (const tensor of [x, half, third]) tensor.dispose();
});
