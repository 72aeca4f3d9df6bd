import { expect, it } from "vitest";
import { hits, hitsOp } from "../../src/kernels/hits.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const labels = (shape: number[], classes = 4) => ({ shape, classes });

opSuite(hitsOp, {
  cases: [
    { name: "a batch", inputs: [labels([64]), labels([64])], attrs: { ignored: 255 } },
    { name: "maps", inputs: [labels([2, 13, 7]), labels([2, 13, 7])], attrs: { ignored: 2 } },
    { name: "one", inputs: [labels([1], 1), labels([1], 1)], attrs: { ignored: 255 } },
    { name: "all ignored", inputs: [labels([5], 1), labels([5], 1)], attrs: { ignored: 0 } },
    { name: "none", inputs: [labels([0]), labels([0])], attrs: { ignored: 255 } },
  ],
  bad: [
    {
      name: "another shape",
      run: (device) => hits(device.upload([1], [1], "u32"), device.upload([1, 2], [2], "u32"), { ignored: 255 }),
      message: /hits: expected targets \[1\], got \[2\]/,
    },
    {
      name: "floats",
      run: (device) => hits(device.upload([1], [1]), device.upload([1], [1], "u32"), { ignored: 255 }),
      message: /u32 for input 0, got f32/,
    },
    {
      name: "a negative class",
      run: (device) => hits(device.upload([1], [1], "u32"), device.upload([1], [1], "u32"), { ignored: -1 }),
      message: /ignored in \[0, 2\^32\), got -1/,
    },
  ],
  ulp: 0,
  nan: false,
});

it("counts what is right and what counts", async () => {
  const device = await testDevice();
  const said = device.upload([0, 1, 2, 3, 255], [5], "u32");
  const known = device.upload([0, 1, 1, 255, 255], [5], "u32");
  const count = hits(said, known, { ignored: 255 });
  expect([...(await count.read())]).toEqual([2, 3]);
  for (const tensor of [said, known, count]) tensor.dispose();
});
