import { expect, it } from "vitest";
import { type CastAttrs, cast, castOp } from "../../src/kernels/cast.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

opSuite<CastAttrs>(castOp, {
  cases: [
    { name: "to f32", inputs: [[3, 5, 7]], attrs: { to: "f32" } },
    { name: "one element", inputs: [[1]], attrs: { to: "f32" } },
    { name: "no elements", inputs: [[0, 3]], attrs: { to: "f32" } },
  ],
  bad: [
    {
      name: "integers",
      run: (device) => castOp.apply([device.upload([1], [1], "u32")], { to: "f32" }),
      message: /f32 for input 0, got u32/,
    },
  ],
  ulp: 0,
});

it("rounds to the nearest half, and gives gradients of the input's type", async (context) => {
  const device = await testDevice();
  const values = [1, -2.5, 0.1, 65504, 65519, 1e6, -1e-9, 2 ** -24];
  const x = device.upload(values, [values.length]);
  x.requiresGrad = true;
  if (!device.gpu.features.has("shader-f16")) {
    expect(() => cast(x, "f16")).toThrow("cast: expected an adapter with shader-f16, got one without");
    x.dispose();
    context.skip("the adapter has no shader-f16");
  }
  const y = cast(x, "f16");
  expect(y.dtype).toBe("f16");
  expect([...(await y.read())]).toEqual([1, -2.5, 0.0999755859375, 65504, 65504, Infinity, -0, 2 ** -24]);
  const dy = device.upload([0, 1, 2, 3, 4, 5, 6, 7], [8], "f16");
  const [dx] = castOp.backward(y.node!, dy, [true]);
  expect(dx!.dtype).toBe("f32");
  expect([...(await dx!.read())]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(cast(y, "f16")).toBe(y);
  for (const tensor of [x, y, dy, dx!]) tensor.dispose();
});
