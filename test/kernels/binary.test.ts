import { expect, it } from "vitest";
import { backward } from "../../src/kernels/backward.ts";
import { add, binaryOps } from "../../src/kernels/binary.ts";
import { cast } from "../../src/kernels/cast.ts";
import { sum } from "../../src/kernels/reduce.ts";
import { relu } from "../../src/kernels/unary.ts";
import { scope, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../device.ts";
import { opSuite } from "./suite.ts";

for (const op of Object.values(binaryOps)) {
  const b = op.name === "div" ? { range: [0.5, 2] as const } : {};
  opSuite(op, {
    cases: [
      {
        name: "same shape",
        inputs: [[3, 5, 7], { shape: [3, 5, 7], ...b }],
        attrs: {},
      },
      { name: "four at a time", inputs: [[3, 5, 8], { shape: [3, 5, 8], ...b }], attrs: {} },
      { name: "bias", inputs: [[2, 3, 3, 5], { shape: [5], ...b }], attrs: {} },
      {
        name: "per-image scale",
        inputs: [[2, 3, 3, 4], { shape: [2, 1, 1, 4], ...b }],
        attrs: {},
      },
      {
        name: "both broadcast",
        inputs: [[4, 1, 3], { shape: [5, 1], ...b }],
        attrs: {},
      },
      { name: "scalars", inputs: [[1], { shape: [1], ...b }], attrs: {} },
      { name: "rank 0", inputs: [[7], { shape: [], ...b }], attrs: {} },
      {
        name: "many rows to one",
        inputs: [[2048, 3], { shape: [3], ...b }],
        attrs: {},
      },
    ],
    bad: [
      {
        name: "shapes that do not broadcast",
        run: (device) => op.apply([device.upload([1, 2], [2]), device.upload([1, 2, 3], [3])], {}),
        message: /expected shapes that broadcast, got \[2\] and \[3\]/,
      },
      {
        name: "five axes",
        run: (device) => op.apply([device.upload([1], [1, 1, 1, 1, 1]), device.upload([1], [1])], {}),
        message: /at most four axes/,
      },
    ],
    ulp: 2,
    scale: ["add", "sub", "average"].includes(op.name) ? 0.5 : 0,
  });
}

it("gives halves that were broadcast gradients of halves", async (context) => {
  const device = await testDevice();
  if (!device.gpu.features.has("shader-f16")) context.skip("the adapter has no shader-f16");
  const leaf = (values: number[], shape: number[]) => {
    const tensor = device.upload(values, shape);
    tensor.requiresGrad = true;
    return tensor;
  };
  const [x, bias] = [leaf([1, 2, 3, 4, 5, 6], [2, 3]), leaf([1, 2, 3], [3])];
  const [dx, dbias] = scope(() => {
    const halves = (tensor: Tensor) => relu(cast(tensor, "f16"));
    backward(sum(cast(add(halves(x), halves(bias)), "f32")));
    return [x.grad!, bias.grad!];
  }) as [Tensor, Tensor];
  expect([...(await dx.read())]).toEqual([1, 1, 1, 1, 1, 1]);
  expect([...(await dbias.read())]).toEqual([2, 2, 2]);
  for (const tensor of [x, bias, dx, dbias]) tensor.dispose();
});
