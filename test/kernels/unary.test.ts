import { unaryOps } from "../../src/kernels/unary.ts";
import { opSuite } from "./suite.ts";

const shapes = { odd: [3, 5, 7], one: [1], prime: [257], images: [2, 4, 4, 8] };

// Forward tolerances in ulp; WebNN allows 32 for exp, 16 for tanh, 34 for sigmoid, 18 for gelu and softplus.
const table: Record<
  string,
  {
    range?: readonly [number, number];
    attrs?: Record<string, number>;
    ulp: number;
    scale?: number;
  }
> = {
  relu: { ulp: 0 },
  leakyRelu: { attrs: { slope: 0.1 }, ulp: 1 },
  sigmoid: { range: [-20, 20], ulp: 8 },
  tanh: { range: [-4, 4], ulp: 8 },
  gelu: { range: [-4, 4], ulp: 18, scale: 0.1 },
  silu: { range: [-8, 8], ulp: 10 },
  softplus: { range: [-15, 15], ulp: 8 },
  exp: { range: [-20, 20], ulp: 4 },
  log: { range: [0.01, 30], ulp: 4 },
  sqrt: { range: [0.1, 9], ulp: 2 },
  rsqrt: { range: [0.1, 9], ulp: 4 },
  square: { ulp: 1 },
  abs: { ulp: 0 },
  neg: { ulp: 0 },
  reciprocal: { range: [0.2, 3], ulp: 3 },
  affine: { attrs: { scale: 2.5, shift: -0.5 }, ulp: 2, scale: 1 },
  clamp: { attrs: { min: -0.5, max: 0.25 }, ulp: 0 },
  pow: { range: [0.1, 4], attrs: { exponent: 1.7 }, ulp: 32 },
};

for (const [name, { range = [-1, 1] as const, attrs = {}, ulp, scale }] of Object.entries(table)) {
  opSuite(unaryOps[name as keyof typeof unaryOps], {
    cases: Object.entries(shapes).map(([label, shape]) => ({
      name: label,
      inputs: [{ shape, range }],
      attrs,
    })),
    bad: [
      {
        name: "class indices",
        run: (device) => unaryOps[name as keyof typeof unaryOps].apply([device.upload([1], [1], "u32")], attrs),
        message: /expected f32 for input 0, got u32/,
      },
    ],
    ulp,
    scale,
  });
}
