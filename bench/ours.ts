import { batchNorm } from "../src/kernels/batch_norm.ts";
import { conv2d } from "../src/kernels/conv2d.ts";
import { matmul } from "../src/kernels/matmul.ts";
import { mmd } from "../src/kernels/mmd.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { Program } from "../src/tensor/program.ts";
import { noGrad } from "../src/tensor/tape.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { hwioToOihw, nchwToNhwc, nhwcToNchw, oihwToHwio } from "./peers/data.mjs";
import { TwoStreams } from "./resnet18x2.ts";
import { Tensors } from "./tensors.ts";

/** A case of peers/cases.mjs. */
// biome-ignore lint/suspicious/noExplicitAny: plain data from a module without types
export type PeerCase = any;

/** One engine's way to do one case. */
export interface PeerWork {
  /** Starts the work and returns its outputs at once. */
  start(): unknown;
  /** Waits until the outputs are there, without copying them to the host. */
  wait(outputs: unknown): Promise<unknown>;
  /** The outputs on the host, images as NCHW and filters as OIHW. */
  fetch(outputs: unknown): Promise<Record<string, ArrayLike<number>>>;
  free(outputs: unknown): void;
  /** Milliseconds of one run, where starting and waiting would time something else. */
  time?(): Promise<number>;
  dispose(): void | Promise<void>;
}

/** An engine. */
export interface Peer {
  /** Its WebGPU device; null where it is out of reach. */
  device: GPUDevice | null;
  /** How its times come about, where not by starting and waiting. */
  method?: string;
  /** Lets go of what the case before has left; it would count as held. */
  trim?(): void;
  /** Null for what it cannot do. */
  prepare(c: PeerCase, data: Record<string, Float32Array>): Promise<PeerWork | null> | PeerWork | null;
}

type Layout = "images" | "filters" | "rows";
type Named = Record<string, Tensor>;

/** Our engine as one of the peers: each case is recorded once and replayed. */
export function openOurs(device: GpuDevice): Peer {
  const unknown = (c: PeerCase): never => {
    throw new Error(`expected a case of a known kind, got ${c.kind}`);
  };
  const kinds: Record<string, (c: PeerCase, data: Record<string, Float32Array>) => PeerWork> = {
    matmul({ n }, { a, b }) {
      const [left, right] = [device.upload(a!, [n, n]).keep(), device.upload(b!, [n, n]).keep()];
      return replayed(device, [left, right], { y: "rows" }, () => ({ y: matmul(left, right) }));
    },
    conv: convolution,
    convDx: convolution,
    convDw: convolution,
    batchNorm({ shape, eps }, data) {
      const [n, c, h, w] = shape;
      const image = (values: Float32Array) => device.upload(nchwToNhwc(values, shape), [n, h, w, c]).keep();
      const vector = (values: ArrayLike<number>) => device.upload(values, [c]).keep();
      const [x, dy, gamma, beta] = [image(data.x!), image(data.dy!), vector(data.gamma!), vector(data.beta!)];
      const [mean, variance] = [vector(new Float32Array(c)), vector(new Float32Array(c).fill(1))];
      const layouts = { y: "images", dx: "images", dgamma: "rows", dbeta: "rows" } as const;
      return replayed(device, [x, dy, gamma, beta, mean, variance], layouts, () => {
        for (const tensor of [x, gamma, beta]) tensor.requiresGrad = true;
        const y = batchNorm(x, gamma, beta, mean, variance, { training: true, eps });
        const [dx, dgamma, dbeta] = gradients(y, dy) as [Tensor, Tensor, Tensor];
        return { y, dx, dgamma, dbeta };
      });
    },
    mmd({ n, d }, data) {
      const [x, y] = [device.upload(data.x!, [n, d]).keep(), device.upload(data.y!, [n, d]).keep()];
      const one = device.upload([1], []).keep();
      return replayed(device, [x, y, one], { loss: "rows", dx: "rows", dy: "rows" }, () => {
        for (const tensor of [x, y]) tensor.requiresGrad = true;
        const loss = mmd(x, y);
        const [dx, dy] = gradients(loss, one) as [Tensor, Tensor];
        return { loss, dx, dy };
      });
    },
    train() {
      const streams = new TwoStreams(device);
      const work = replayed(device, [], { loss: "rows" }, () => ({ loss: streams.work() }));
      return {
        ...work,
        start() {
          streams.before();
          return work.start();
        },
        dispose() {
          void work.dispose();
          streams.dispose();
        },
      };
    },
  };

  function convolution({ kind, conv }: PeerCase, data: Record<string, Float32Array>): PeerWork {
    const { X, W, Y, s: stride, p: padding } = conv;
    const tensors = new Tensors(device);
    const image = (values: Float32Array, [n, c, h, w]: number[]) =>
      tensors.keep(device.upload(nchwToNhwc(values, [n, c, h, w]), [n!, h!, w!, c!]));
    const [o, i, kh, kw] = W;
    // The gradient for one operand does not depend on its elements.
    const x = data.x ? image(data.x, X) : tensors.constant(0, X[0], X[2], X[3], X[1]);
    const w = data.w
      ? tensors.keep(device.upload(oihwToHwio(data.w, W), [kh, kw, i, o]))
      : tensors.constant(0, kh, kw, i, o);
    const held = { dispose: () => tensors.dispose() };
    if (kind === "conv") {
      return replayed(device, [held], { y: "images" }, () => ({ y: conv2d(x, w, null, { stride, padding }) }));
    }
    const wanted = kind === "convDx" ? x : w;
    wanted.requiresGrad = true;
    const y = tensors.keep(conv2d(x, w, null, { stride, padding }));
    const dy = image(data.dy!, Y);
    const name = kind === "convDx" ? "dx" : "dw";
    const layouts = { [name]: kind === "convDx" ? "images" : "filters" } as const;
    return replayed(device, [held], layouts, () => ({ [name]: gradients(y, dy).find((g) => g !== null)! }));
  }

  return {
    device: device.gpu,
    trim: () => device.trim(),
    prepare: (c, data) => (kinds[c.kind] ?? unknown)(c, data),
  };
}

/** Gradients of the inputs of the op that made `y`. */
function gradients(y: Tensor, dy: Tensor): (Tensor | null)[] {
  const node = y.node!;
  return noGrad(() =>
    node.op.backward(
      node,
      dy,
      node.inputs.map((input) => input.tracked),
    ),
  );
}

/** Records `body` and replays it; `held` is freed with it. */
function replayed(
  device: GpuDevice,
  held: readonly { dispose(): void }[],
  layouts: Record<string, Layout>,
  body: () => Named,
): PeerWork {
  const program = Program.record(device, body);
  return {
    start: () => program.run(),
    wait: () => device.sync(),
    async fetch() {
      const names = Object.keys(layouts);
      const values = await device.readMany(names.map((name) => program.result[name]!));
      return Object.fromEntries(
        names.map((name, i) => [name, fromOurs(values[i]!, program.result[name]!.shape, layouts[name]!)]),
      );
    },
    free() {},
    dispose() {
      program.dispose();
      for (const thing of held) thing.dispose();
    },
  };
}

function fromOurs(values: ArrayLike<number>, shape: readonly number[], layout: Layout): ArrayLike<number> {
  const [a, b, c, d] = shape as [number, number, number, number];
  if (layout === "images") return nhwcToNchw(values as Float32Array, [a, d, b, c]);
  if (layout === "filters") return hwioToOihw(values as Float32Array, [d, c, a, b]);
  return values;
}
