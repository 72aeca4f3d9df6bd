import { backward } from "../src/kernels/backward.ts";
import { add } from "../src/kernels/binary.ts";
import { crossEntropy } from "../src/kernels/loss.ts";
import { globalAvgPool, maxPool2d } from "../src/kernels/pool.ts";
import { concat } from "../src/kernels/shape.ts";
import { relu } from "../src/kernels/unary.ts";
import { BasicBlock } from "../src/model/blocks.ts";
import { BatchNorm, Conv2d, Linear } from "../src/nn/layers.ts";
import { Init, Module, type Pass, TrainingPass } from "../src/nn/module.ts";
import { defaultOptimiser, Optimiser } from "../src/nn/optimiser.ts";
import type { GpuDevice } from "../src/tensor/device.ts";
import { Rng } from "../src/tensor/rng.ts";
import type { Tensor } from "../src/tensor/tensor.ts";
import { nchwToNhwc, oihwToHwio, permute, sizeOf, uniform } from "./peers/data.mjs";
import { inputs, labels, parameters, STREAMS, TRAIN } from "./peers/model.mjs";

/** A residual block whose batch norm, sum and relu are passes of their own. */
class UnfusedBlock extends BasicBlock {
  override forward(x: Tensor, pass: Pass): Tensor {
    const hidden = relu(this.bn1.forward(this.conv1.forward(x), pass));
    const residual = this.downsample ? this.downsample[1].forward(this.downsample[0].forward(x), pass) : x;
    return relu(add(this.bn2.forward(this.conv2.forward(hidden), pass), residual));
  }
}

/** One ResNet-18 with the stem of ImageNet: a 7×7 convolution of stride 2. */
class Stream extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm;
  readonly blocks: BasicBlock[];

  constructor(
    init: Init,
    channels: number,
    plan: (typeof STREAMS)["rgb"],
    readonly fused: boolean,
  ) {
    super();
    const Block = fused ? BasicBlock : UnfusedBlock;
    const { cout, k, stride, pad } = plan.stem;
    this.conv1 = new Conv2d(init, channels, cout, { kernel: k, stride, padding: pad });
    this.bn1 = new BatchNorm(init, cout);
    this.blocks = plan.blocks.map(({ cin, cout, stride }) => new Block(init, cin, cout, stride));
  }

  forward(x: Tensor, pass: Pass): Tensor {
    const stem = this.conv1.forward(x);
    let y = this.fused ? this.bn1.forward(stem, pass, { activation: "relu" }) : relu(this.bn1.forward(stem, pass));
    y = maxPool2d(y, { kernel: 3, stride: 2, padding: 1 });
    for (const block of this.blocks) y = block.forward(y, pass);
    return globalAvgPool(y);
  }
}

/** The training step that every peer takes too, with the peers' own numbers as weights and images. */
export class TwoStreams {
  readonly #streams: Record<string, Stream>;
  readonly #fc: Linear;
  readonly #x: Record<string, Tensor>;
  readonly #target: Tensor;
  readonly #pass = new TrainingPass(new Rng(1));
  readonly #optimiser: Optimiser;
  readonly #named: Map<string, Tensor>;

  /** `fused`: whether batch norm, the sum of a block and relu are one pass, as in the project's networks. */
  constructor(device: GpuDevice, fused = true) {
    const init = new Init(device, new Rng(1));
    const entries = Object.entries(STREAMS);
    this.#streams = Object.fromEntries(entries.map(([name, plan]) => [name, new Stream(init, plan.inCh, plan, fused)]));
    this.#fc = new Linear(init, 1024, TRAIN.classes);
    this.#named = this.#byPeersName();
    for (const { name, shape, kind, values } of parameters()) {
      const tensor = this.#named.get(name)!;
      // Filters are OIHW there and HWIO here, the linear layer [in,out] there and [out,in] here.
      const data =
        kind === "conv" ? oihwToHwio(values, shape) : kind === "mat" ? permute(values, shape, [1, 0]) : values;
      device.write(tensor, data);
    }
    this.#x = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, seed }]) => {
        const [n, c, h, w] = shape as [number, number, number, number];
        return [name, device.upload(nchwToNhwc(uniform(seed, sizeOf(shape)), shape), [n, h, w, c]).keep()];
      }),
    );
    this.#target = device.upload(Uint32Array.from(labels), [TRAIN.batch], "u32").keep();
    const plain = { kind: "sgd", momentum: 0, weightDecay: 0, clip: 0 } as const;
    this.#optimiser = new Optimiser(device, this.#named, { ...defaultOptimiser, ...plain });
  }

  #byPeersName(): Map<string, Tensor> {
    const named = new Map<string, Tensor>([
      ["fc.w", this.#fc.weight],
      ["fc.b", this.#fc.bias],
    ]);
    const bn = (name: string, { weight, bias }: BatchNorm) => named.set(`${name}.g`, weight).set(`${name}.b`, bias);
    for (const [name, stream] of Object.entries(this.#streams)) {
      named.set(`${name}.conv1`, stream.conv1.weight);
      bn(`${name}.bn1`, stream.bn1);
      for (const [i, block] of stream.blocks.entries()) {
        const at = `${name}.${STREAMS.rgb.blocks[i]!.name}`;
        named.set(`${at}.conv1`, block.conv1.weight).set(`${at}.conv2`, block.conv2.weight);
        bn(`${at}.bn1`, block.bn1);
        bn(`${at}.bn2`, block.bn2);
        if (!block.downsample) continue;
        named.set(`${at}.down`, block.downsample[0].weight);
        bn(`${at}.dbn`, block.downsample[1]);
      }
    }
    return named;
  }

  /** What changes on the host before each step. */
  before(): void {
    this.#optimiser.advance(TRAIN.lr);
  }

  /** One step; returns the loss. `gradients` is shown every parameter's gradient, by the peers' names. */
  work(gradients?: (named: ReadonlyMap<string, Tensor>) => void): Tensor {
    const maps = Object.entries(this.#streams).map(([name, stream]) => stream.forward(this.#x[name]!, this.#pass));
    const loss = crossEntropy(this.#fc.forward(concat(maps, 1)), this.#target);
    backward(loss);
    gradients?.(new Map([...this.#named].map(([name, parameter]) => [name, parameter.grad!])));
    this.#optimiser.apply();
    return loss;
  }

  dispose(): void {
    this.#optimiser.dispose();
    for (const module of [...Object.values(this.#streams), this.#fc]) module.dispose();
    for (const tensor of [...Object.values(this.#x), this.#target]) tensor.dispose();
  }
}
