import { describe, expect, it } from "vitest";
import { argmax, softmaxOps } from "../../src/kernels/softmax.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

const wide = [-30, 30] as const;

for (const op of Object.values(softmaxOps)) {
  opSuite(op, {
    cases: [
      { name: "maps", inputs: [{ shape: [2, 3, 5, 7], range: [-4, 4] }], attrs: {} },
      { name: "wide range", inputs: [{ shape: [11, 13], range: wide }], attrs: {} },
      { name: "far from zero", inputs: [{ shape: [5, 3], range: [1000, 1004] }], attrs: {} },
      { name: "one class", inputs: [[9, 1]], attrs: {} },
      { name: "one long row", inputs: [[257]], attrs: {} },
      { name: "no rows", inputs: [[0, 3]], attrs: {} },
    ],
    bad: [
      { name: "rank 0", run: (device) => op.apply([device.upload([1], [])], {}), message: /a last axis with at least/ },
      { name: "no classes", run: (device) => op.apply([device.upload([], [2, 0])], {}), message: /got \[2,0\]/ },
    ],
    // Rounding x - m, up to 60 here, changes e^(x - m) by up to 30 ulp.
    ulp: op.name === "argmax" ? 0 : 36,
    scale: op.name === "logSoftmax" ? 0.1 : 0,
    nan: op.name !== "argmax",
  });
}

describe("argmax", () => {
  it("takes the first of equal elements, and NaN before all", async () => {
    const device = await testDevice();
    const x = device.upload([1, 5, 5, 2, Number.NaN, 9, 7, 7, 7, Number.NaN, Number.NaN, 3], [4, 3]);
    const y = argmax(x);
    expect(y.dtype).toBe("u32");
    expect([...(await y.read())]).toEqual([1, 1, 0, 0]);
    x.dispose();
    y.dispose();
  });
});
