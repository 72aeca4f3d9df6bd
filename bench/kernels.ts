import { batchNorm } from "../src/kernels/batch_norm.ts";
import { add } from "../src/kernels/binary.ts";
import { conv2d } from "../src/kernels/conv2d.ts";
import { crossEntropy } from "../src/kernels/loss.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { mmd } from "../src/kernels/mmd.ts";
import { globalAvgPool, maxPool2d } from "../src/kernels/pool.ts";
import { sum } from "../src/kernels/reduce.ts";
import { resize } from "../src/kernels/resize.ts";
import { softmax } from "../src/kernels/softmax.ts";
import { relu } from "../src/kernels/unary.ts";
import { defaultOptimiser, Optimiser } from "../src/nn/optimiser.ts";
import { scope, type Tensor } from "../src/tensor/tensor.ts";
import type { Case } from "./cases.ts";
import { Tensors } from "./tensors.ts";

const FLOAT = 4;

/** A kernel case from what it computes; `build` makes the tensors and returns what is measured. */
function kernel(
  name: string,
  block: string,
  flops: number | null,
  floats: number,
  build: (tensors: Tensors) => () => void,
): Case {
  return {
    name,
    group: "kernel",
    block,
    flops,
    bytes: FLOAT * floats,
    prepare(device) {
      const tensors = new Tensors(device);
      return { run: build(tensors), dispose: () => tensors.dispose() };
    },
  };
}

/** What is measured of a forward pass: it runs and its output is freed. */
const forward = (body: () => Tensor) => () => {
  scope(() => {
    body();
  });
};

const extents = (...values: number[]) => values.join("x");

function matmuls(m: number, k: number, n: number): Case[] {
  const flops = 2 * m * k * n;
  const floats = m * k + k * n + m * n;
  const name = `matmul ${extents(m, k, n)}`;
  return [
    kernel(name, name, flops, floats, (t) => {
      const [a, b] = [t.normal(m, k), t.normal(k, n)];
      return forward(() => matmul(a, b));
    }),
    kernel(`${name} backward`, name, 2 * flops, m * n + 2 * (m * k + k * n), (t) => {
      const [a, b] = [t.normal(m, k), t.normal(k, n)];
      return t.gradient([a, b], [true, true], () => matmul(a, b));
    }),
  ];
}

interface Convolution {
  batch: number;
  size: number;
  channels: number;
  filters: number;
  kernel?: number;
  stride?: number;
  groups?: number;
  dilation?: number;
}

function convolutions(options: Convolution): Case[] {
  const { batch, size, channels, filters, kernel: window = 3, stride = 1, groups = 1, dilation = 1 } = options;
  const padding = ((window - 1) * dilation) >> 1;
  const out = Math.floor((size + 2 * padding - dilation * (window - 1) - 1) / stride) + 1;
  const x = [batch, size, size, channels] as const;
  const w = [window, window, channels / groups, filters] as const;
  const flops = (2 * batch * out * out * filters * channels * window * window) / groups;
  const floats = [x, w, [batch, out, out, filters]].reduce((total, s) => total + s.reduce((a, b) => a * b, 1), 0);
  const more = `${stride > 1 ? ` s${stride}` : ""}${groups > 1 ? ` g${groups}` : ""}${dilation > 1 ? ` d${dilation}` : ""}`;
  const name = `conv2d ${extents(window, window)}${more} ${extents(...x)}-${filters}`;
  const given = { stride, padding, groups, dilation };
  const gradient = (kind: string, wanted: readonly boolean[]) =>
    kernel(`${name} ${kind}`, name, flops, floats, (t) => {
      const [image, weight] = [t.normal(...x), t.normal(...w)];
      return t.gradient([image, weight], wanted, () => conv2d(image, weight, null, given));
    });
  return [
    kernel(name, name, flops, floats, (t) => {
      const [image, weight] = [t.normal(...x), t.normal(...w)];
      return forward(() => conv2d(image, weight, null, given));
    }),
    gradient("dx", [true, false]),
    gradient("dw", [false, true]),
  ];
}

function batchNorms(...shape: [number, number, number, number]): Case[] {
  const size = shape.reduce((a, b) => a * b, 1);
  const channels = shape[3];
  const name = `batchNorm ${extents(...shape)}`;
  const build = (t: Tensors) => {
    const inputs: Tensor[] = [t.normal(...shape), t.constant(1, channels), t.constant(0, channels)];
    const [x, gamma, beta] = inputs as [Tensor, Tensor, Tensor];
    const [mean, variance] = [t.constant(0, channels), t.constant(1, channels)];
    return { inputs, apply: () => batchNorm(x, gamma, beta, mean, variance, { training: true }) };
  };
  return [
    // x is read for the statistics and again to be normalised; the gradient reads x and dy twice.
    kernel(name, name, 8 * size, 3 * size, (t) => forward(build(t).apply)),
    kernel(`${name} backward`, name, 12 * size, 5 * size, (t) => {
      const { inputs, apply } = build(t);
      return t.gradient(inputs, [true, true, true], apply);
    }),
  ];
}

/**
 * The forward pass of an op of one tensor, and its gradient. `out` is the number of its outputs, `saved` how many floats
 * the gradient reads beside the output's gradient.
 */
function unaryCases(
  label: string,
  shape: number[],
  { flops, out, saved }: { flops: number; out: number; saved: number },
  op: (x: Tensor) => Tensor,
): Case[] {
  const size = shape.reduce((a, b) => a * b, 1);
  const name = `${label} ${extents(...shape)}`;
  return [
    kernel(name, name, flops, size + out, (t) => {
      const x = t.normal(...shape);
      return forward(() => op(x));
    }),
    kernel(`${name} backward`, name, flops, size + out + saved, (t) => {
      const x = t.normal(...shape);
      return t.gradient([x], [true], () => op(x));
    }),
  ];
}

function mmds(rows: number, width: number): Case[] {
  const name = `mmd ${extents(rows, width)}`;
  // Squared distances of three blocks of pairs, then each row weighs all others.
  const flops = 3 * 3 * rows * rows * width;
  const build = (t: Tensors) => [t.normal(rows, width), t.normal(rows, width)] as const;
  return [
    kernel(name, name, flops, 2 * rows * width, (t) => {
      const [a, b] = build(t);
      return forward(() => mmd(a, b));
    }),
    kernel(`${name} backward`, name, flops, 4 * rows * width, (t) => {
      const [a, b] = build(t);
      return t.gradient([a, b], [true, true], () => mmd(a, b));
    }),
  ];
}

function crossEntropies(classes: number, ...shape: number[]): Case[] {
  const rows = shape.reduce((a, b) => a * b, 1);
  const name = `softmax cross entropy ${extents(...shape, classes)}`;
  const build = (t: Tensors) => [t.normal(...shape, classes), t.labels(classes, ...shape)] as const;
  return [
    kernel(name, name, 4 * rows * classes, rows * (classes + 1), (t) => {
      const [logits, target] = build(t);
      return forward(() => crossEntropy(logits, target));
    }),
    kernel(`${name} backward`, name, 4 * rows * classes, rows * (2 * classes + 1), (t) => {
      const [logits, target] = build(t);
      return t.gradient([logits, target], [true], () => crossEntropy(logits, target));
    }),
  ];
}

/** One update of as many parameters as a ResNet-18 encoder has, about. */
function optimisers(): Case[] {
  const shapes: [number[], number][] = [
    [[64], 20],
    [[3, 3, 64, 64], 4],
    [[3, 3, 128, 128], 3],
    [[3, 3, 256, 256], 3],
    [[3, 3, 512, 512], 3],
  ];
  const size = shapes.reduce((total, [shape, n]) => total + n * shape.reduce((a, b) => a * b, 1), 0);
  return (["adamw", "sgd"] as const).map((kind) => {
    // Parameter, gradient and moments are read, parameter and moments written; clipping reads the gradient once more.
    const floats = (kind === "adamw" ? 8 : 6) * size;
    return kernel(`${kind} ${(size / 1e6).toFixed(1)}M parameters`, "optimiser", 12 * size, floats, (t) => {
      const parameters = new Map<string, Tensor>();
      for (const [shape, n] of shapes) for (let i = 0; i < n; i++) parameters.set(`${shape}.${i}`, t.normal(...shape));
      const gradients = new Map([...parameters].map(([name, { shape }]) => [name, t.normal(...shape)]));
      const optimiser = new Optimiser(t.device, parameters, { ...defaultOptimiser, kind });
      for (const tensor of optimiser.state().values()) t.keep(tensor);
      return () => {
        scope(() => {
          for (const [name, parameter] of parameters) parameter.grad = gradients.get(name)!.detach();
          optimiser.step(1e-6);
        });
      };
    });
  });
}

/** Every kernel case, at the shapes of the networks and at the larger ones that GPUs are compared on. */
export function kernelCases(): Case[] {
  const image = [16, 32, 32, 64];
  const size = image.reduce((a, b) => a * b, 1);
  const pixels = 16 * 64 * 64 * 13;
  return [
    ...matmuls(512, 512, 512),
    ...matmuls(1024, 1024, 1024),
    ...matmuls(4096, 4096, 4096),
    ...matmuls(64, 512, 10),
    // The stages of an ImageNet ResNet-18, 8 images: 1.85 GFLOP each.
    ...convolutions({ batch: 8, size: 56, channels: 64, filters: 64 }),
    ...convolutions({ batch: 8, size: 56, channels: 64, filters: 64, kernel: 1 }),
    ...convolutions({ batch: 8, size: 56, channels: 64, filters: 128, stride: 2 }),
    ...convolutions({ batch: 8, size: 56, channels: 64, filters: 128, kernel: 1, stride: 2 }),
    ...convolutions({ batch: 8, size: 28, channels: 128, filters: 128 }),
    ...convolutions({ batch: 8, size: 14, channels: 256, filters: 256 }),
    ...convolutions({ batch: 8, size: 7, channels: 512, filters: 512 }),
    ...convolutions({ batch: 64, size: 56, channels: 64, filters: 64 }),
    ...convolutions({ batch: 64, size: 14, channels: 256, filters: 256 }),
    // resnet18 on 64x64 images, batch 16.
    ...convolutions({ batch: 16, size: 64, channels: 3, filters: 64, stride: 2 }),
    ...convolutions({ batch: 16, size: 64, channels: 3, filters: 64, kernel: 7, stride: 2 }),
    ...convolutions({ batch: 16, size: 16, channels: 64, filters: 64 }),
    ...convolutions({ batch: 16, size: 4, channels: 256, filters: 256 }),
    ...convolutions({ batch: 16, size: 2, channels: 512, filters: 512 }),
    // tiny on 56x56 images, batch 64.
    ...convolutions({ batch: 64, size: 56, channels: 3, filters: 16, stride: 2 }),
    ...convolutions({ batch: 64, size: 14, channels: 24, filters: 24 }),
    ...convolutions({ batch: 64, size: 14, channels: 24, filters: 48, stride: 2 }),
    ...convolutions({ batch: 64, size: 4, channels: 96, filters: 96 }),
    // The segmentation decoder, and what no network of ours has yet.
    ...convolutions({ batch: 16, size: 32, channels: 32, filters: 32 }),
    ...convolutions({ batch: 16, size: 32, channels: 32, filters: 13, kernel: 1 }),
    ...convolutions({ batch: 8, size: 28, channels: 64, filters: 64, dilation: 2 }),
    ...convolutions({ batch: 8, size: 28, channels: 64, filters: 64, groups: 4 }),
    ...convolutions({ batch: 8, size: 28, channels: 64, filters: 64, groups: 64 }),
    ...batchNorms(8, 56, 56, 64),
    ...batchNorms(16, 8, 8, 128),
    ...batchNorms(64, 56, 56, 64),
    kernel(`add ${extents(...image)}`, "pointwise", size, 3 * size, (t) => {
      const [a, b] = [t.normal(...image), t.normal(...image)];
      return forward(() => add(a, b));
    }),
    ...unaryCases("relu", image, { flops: size, out: size, saved: size }, relu),
    ...unaryCases("sum", image, { flops: size, out: 1, saved: 0 }, (x) => sum(x)),
    ...unaryCases("sum of channels", image, { flops: size, out: 64, saved: 0 }, (x) => sum(x, { axes: [0, 1, 2] })),
    ...unaryCases("max pool 3x3 s2", image, { flops: (9 * size) / 4, out: size / 4, saved: (5 * size) / 4 }, (x) =>
      maxPool2d(x, { kernel: 3, stride: 2, padding: 1 }),
    ),
    ...unaryCases("global average pool", image, { flops: size, out: 16 * 64, saved: 0 }, globalAvgPool),
    ...unaryCases("bilinear resize to 64x64", [16, 32, 32, 13], { flops: 8 * pixels, out: pixels, saved: 0 }, (x) =>
      resize(x, { height: 64, width: 64, mode: "bilinear" }),
    ),
    ...unaryCases("softmax", [16, 64, 64, 13], { flops: 4 * pixels, out: pixels, saved: pixels }, softmax),
    ...crossEntropies(10, 64),
    ...crossEntropies(13, 16, 64, 64),
    ...mmds(64, 512),
    ...mmds(16, 2048),
    ...mmds(64, 1536),
    ...optimisers(),
  ];
}
