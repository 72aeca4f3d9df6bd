import { expect, it } from "vitest";
import { adaptiveAvgPool2d, adaptiveAvgPool2dOp } from "../../src/kernels/adaptive_pool.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

opSuite(adaptiveAvgPool2dOp, {
  cases: [
    { name: "one bin", inputs: [[2, 3, 5, 7]], attrs: { height: 1, width: 1 } },
    { name: "bins of equal size", inputs: [[2, 6, 10, 4]], attrs: { height: 2, width: 5 } },
    { name: "bins that share pixels", inputs: [[2, 8, 7, 12]], attrs: { height: 5, width: 5 } },
    { name: "more bins than pixels", inputs: [[1, 2, 3, 5]], attrs: { height: 5, width: 5 } },
    { name: "a bin for each pixel", inputs: [[1, 3, 4, 3]], attrs: { height: 3, width: 4 } },
    { name: "no images", inputs: [[0, 4, 4, 3]], attrs: { height: 2, width: 2 } },
    { name: "no channels", inputs: [[2, 4, 4, 0]], attrs: { height: 2, width: 2 } },
  ],
  bad: [
    {
      name: "three axes",
      run: (device) => adaptiveAvgPool2d(device.upload([1], [1, 1, 1]), { height: 1, width: 1 }),
      message: /expected x\[N,H,W,C\], got \[1,1,1\]/,
    },
    {
      name: "no pixel",
      run: (device) => adaptiveAvgPool2d(device.upload([], [1, 0, 2, 3]), { height: 1, width: 1 }),
      message: /expected at least one pixel, got \[1,0,2,3\]/,
    },
    {
      name: "no bin",
      run: (device) => adaptiveAvgPool2d(device.upload([1], [1, 1, 1, 1]), { height: 1, width: 0 }),
      message: /expected at least one bin along each axis, got \[1,0\]/,
    },
  ],
  ulp: 2,
  scale: 0.5,
});

it("takes the means that are worked out by hand", async () => {
  const device = await testDevice();
  // Rows 1 2 3 / 4 5 6 / 7 8 9: both bins of an axis hold its middle pixel.
  const x = device.upload([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
  const y = adaptiveAvgPool2d(x, { height: 2, width: 2 });
  expect([...((await y.read()) as Float32Array)]).toEqual([3, 4, 6, 7]);
  for (const tensor of [x, y]) tensor.dispose();
});
