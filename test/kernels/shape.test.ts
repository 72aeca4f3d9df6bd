import { describe, expect, it } from "vitest";
import { concat, reshape, shapeOps, transpose } from "../../src/kernels/shape.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const six = [1, 1, 1, 1, 1, 1, 1];

opSuite(shapeOps.concat, {
  cases: [
    {
      name: "channels",
      inputs: [
        [2, 3, 5, 4],
        [2, 3, 5, 1],
        [2, 3, 5, 7],
      ],
      attrs: { axis: -1 },
    },
    {
      name: "batch",
      inputs: [
        [1, 3, 2],
        [4, 3, 2],
      ],
      attrs: { axis: 0 },
    },
    {
      name: "middle",
      inputs: [
        [3, 2, 5],
        [3, 11, 5],
      ],
      attrs: { axis: 1 },
    },
    { name: "one tensor", inputs: [[7]], attrs: { axis: 0 } },
    {
      name: "an empty one",
      inputs: [
        [2, 0],
        [2, 3],
      ],
      attrs: { axis: 1 },
    },
  ],
  bad: [
    {
      name: "other extents that differ",
      run: (device) => concat([device.upload([1, 2], [2, 1]), device.upload([1, 2, 3], [3, 1])], 1),
      message: /expected \[2,1\] but for axis 1, got \[3,1\]/,
    },
    {
      name: "different ranks",
      run: (device) => concat([device.upload([1, 2], [2]), device.upload([1, 2], [2, 1])], 0),
      message: /expected \[2\] but for axis 0, got \[2,1\]/,
    },
    { name: "no tensor", run: () => concat([], 0), message: /expected at least one tensor, got none/ },
    {
      name: "an axis that is not there",
      run: (device) => concat([device.upload([1], [1])], 1),
      message: /expected an axis in \[-1, 0\], got 1/,
    },
  ],
  ulp: 0,
});

opSuite(shapeOps.slice, {
  cases: [
    { name: "image crop", inputs: [[3, 7, 5, 3]], attrs: { begin: [0, 2, 1, 0], size: [3, 5, 4, 3] } },
    { name: "channels", inputs: [[3, 5, 7]], attrs: { begin: [0, 0, 2], size: [3, 5, 3] } },
    { name: "all", inputs: [[257]], attrs: { begin: [0], size: [257] } },
    { name: "one element", inputs: [[3, 3]], attrs: { begin: [2, 1], size: [1, 1] } },
    { name: "nothing", inputs: [[3, 3]], attrs: { begin: [3, 0], size: [0, 3] } },
    { name: "six axes", inputs: [[2, 3, 2, 3, 2, 3]], attrs: { begin: [0, 1, 0, 1, 0, 1], size: [2, 2, 1, 2, 1, 2] } },
  ],
  bad: [
    {
      name: "a block that leaves the tensor",
      run: (device) => shapeOps.slice.apply([device.upload([1, 2, 3], [3])], { begin: [2], size: [2] }),
      message: /expected a block inside \[3\], got \[2\] at \[2\]/,
    },
    {
      name: "too few numbers",
      run: (device) => shapeOps.slice.apply([device.upload([1, 2], [2, 1])], { begin: [0], size: [1, 1] }),
      message: /expected 2 whole numbers from 0 for begin, got \[0\]/,
    },
  ],
  ulp: 0,
});

opSuite(shapeOps.pad, {
  cases: [
    { name: "image border", inputs: [[2, 3, 5, 3]], attrs: { before: [0, 1, 2, 0], after: [0, 1, 0, 0] } },
    { name: "one side", inputs: [[13]], attrs: { before: [0], after: [4] } },
    { name: "no zeros", inputs: [[1]], attrs: { before: [0], after: [0] } },
    { name: "an empty tensor", inputs: [[0, 2]], attrs: { before: [2, 0], after: [1, 1] } },
  ],
  bad: [
    {
      name: "negative amounts",
      run: (device) => shapeOps.pad.apply([device.upload([1, 2], [2])], { before: [-1], after: [0] }),
      message: /expected 1 whole numbers from 0 for before, got \[-1\]/,
    },
  ],
  ulp: 0,
});

opSuite(shapeOps.transpose, {
  cases: [
    { name: "channels first", inputs: [[2, 3, 5, 7]], attrs: { perm: [0, 3, 1, 2] } },
    { name: "matrix", inputs: [[31, 17]], attrs: { perm: [1, 0] } },
    { name: "reversed", inputs: [[2, 3, 2, 3, 2, 3]], attrs: { perm: [5, 4, 3, 2, 1, 0] } },
    { name: "unchanged", inputs: [[5]], attrs: { perm: [0] } },
    { name: "empty", inputs: [[0, 3]], attrs: { perm: [1, 0] } },
  ],
  bad: [
    {
      name: "an axis twice",
      run: (device) => transpose(device.upload([1, 2], [2, 1]), [0, 0]),
      message: /expected each of the axes 0 to 1 once, got \[0,0\]/,
    },
    {
      name: "seven axes",
      run: (device) => transpose(device.upload([1], six), [0, 1, 2, 3, 4, 5, 6]),
      message: /expected at most 6 axes/,
    },
  ],
  ulp: 0,
});

opSuite(shapeOps.reshape, {
  cases: [
    { name: "flatten", inputs: [[3, 5, 7]], attrs: { shape: [3, -1] } },
    { name: "to rank 0", inputs: [[1, 1]], attrs: { shape: [] } },
    { name: "seven axes", inputs: [[6]], attrs: { shape: [1, 2, 1, 1, 3, 1, 1] } },
    { name: "empty", inputs: [[0, 4]], attrs: { shape: [4, 0] } },
  ],
  bad: [
    {
      name: "another number of elements",
      run: (device) => reshape(device.upload([1, 2, 3], [3]), [2, -1]),
      message: /expected a shape of 3 elements with at most one -1, got \[2,-1\]/,
    },
    {
      name: "two open extents",
      run: (device) => reshape(device.upload([1, 2, 3], [3]), [-1, -1]),
      message: /at most one -1/,
    },
  ],
  ulp: 0,
});

opSuite(shapeOps.broadcastTo, {
  cases: [
    { name: "channels to images", inputs: [[5]], attrs: { shape: [2, 3, 3, 5] } },
    { name: "inner and outer", inputs: [[3, 1, 7, 1]], attrs: { shape: [3, 5, 7, 2] } },
    { name: "rank 0", inputs: [[]], attrs: { shape: [257] } },
    { name: "unchanged", inputs: [[4, 3]], attrs: { shape: [4, 3] } },
    { name: "to nothing", inputs: [[1, 3]], attrs: { shape: [0, 3] } },
  ],
  bad: [
    {
      name: "an axis that would shrink",
      run: (device) => shapeOps.broadcastTo.apply([device.upload([1, 2], [2])], { shape: [1] }),
      message: /expected a shape that \[2\] broadcasts to, got \[1\]/,
    },
  ],
  ulp: 0,
});

describe("reshape", () => {
  it("shares the memory of its input", async () => {
    const device = await testDevice();
    const x = device.upload([1, 2, 3, 4], [2, 2]);
    const before = device.pool.memory().liveBuffers;
    const y = reshape(x, [4]);
    expect(device.pool.memory().liveBuffers).toBe(before);
    x.dispose();
    expect([...(await y.read())]).toEqual([1, 2, 3, 4]);
    y.dispose();
  });
});
