// The work that every engine does. Matrices are row-major, images NCHW, filters OIHW.
import { sizeOf, uniform } from "./data.mjs";
import { inputs, LOSSES, labels, stepFlops } from "./model.mjs";

function matmul(n) {
  return {
    name: `matmul ${n}x${n}x${n}`,
    kind: "matmul",
    n,
    inputs: { a: { shape: [n, n], seed: 1 }, b: { shape: [n, n], seed: 2 } },
    flops: 2 * n ** 3,
  };
}

/** 8 images of 56×56 with 64 channels. */
function conv(name, kind, { K = 64, k = 3, s = 1, p = 1 }) {
  const [N, C, H] = [8, 64, 56];
  const O = Math.floor((H + 2 * p - k) / s) + 1;
  const [X, W, Y] = [
    [N, C, H, H],
    [K, C, k, k],
    [N, K, O, O],
  ];
  const given = {};
  if (kind !== "convDx") given.x = { shape: X, seed: 3 };
  if (kind !== "convDw") given.w = { shape: W, seed: 4, scale: 0.1 };
  if (kind !== "conv") given.dy = { shape: Y, seed: 5 };
  return { name, kind, conv: { N, C, H, K, k, s, p, O, X, W, Y }, inputs: given, flops: 2 * sizeOf(Y) * C * k * k };
}

const shape = [8, 64, 56, 56];

export const cases = [
  matmul(512),
  matmul(1024),
  conv("conv2d 3x3", "conv", {}),
  conv("conv2d 3x3 dx", "convDx", {}),
  conv("conv2d 3x3 dw", "convDw", {}),
  conv("conv2d 1x1", "conv", { k: 1, p: 0 }),
  conv("conv2d 1x1 dx", "convDx", { k: 1, p: 0 }),
  conv("conv2d 1x1 dw", "convDw", { k: 1, p: 0 }),
  conv("conv2d 3x3 s2", "conv", { K: 128, s: 2 }),
  conv("conv2d 3x3 s2 dx", "convDx", { K: 128, s: 2 }),
  conv("conv2d 3x3 s2 dw", "convDw", { K: 128, s: 2 }),
  conv("conv2d 1x1 s2", "conv", { K: 128, k: 1, p: 0, s: 2 }),
  {
    name: "batchNorm forward+backward",
    kind: "batchNorm",
    shape,
    eps: 1e-5,
    inputs: {
      x: { shape, seed: 6, scale: 2, offset: 0.3 },
      dy: { shape, seed: 7 },
      gamma: { shape: [64], seed: 8, scale: 0.5, offset: 1 },
      beta: { shape: [64], seed: 9 },
    },
    flops: 20 * sizeOf(shape),
  },
  {
    name: "mmd 64x512 forward+backward",
    kind: "mmd",
    n: 64,
    d: 512,
    inputs: { x: { shape: [64, 512], seed: 10 }, y: { shape: [64, 512], seed: 11, scale: 1, offset: 0.1 } },
    flops: 3 * 2 * 128 * 128 * 512,
  },
  { name: "train resnet18x2 16x64x64", kind: "train", inputs, labels, losses: LOSSES, flops: stepFlops() },
];

/** The data of a case, by the names of its inputs. */
export function dataOf(c) {
  return Object.fromEntries(
    Object.entries(c.inputs).map(([name, { shape, seed, scale, offset }]) => [
      name,
      uniform(seed, sizeOf(shape), scale, offset),
    ]),
  );
}
