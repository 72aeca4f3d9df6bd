import { backward } from "../kernels/backward.ts";
import { trainingPass } from "../nn/module.ts";
import { defaultOptimiser, Optimiser, type OptimiserConfig } from "../nn/optimiser.ts";
import { oneCycle } from "../nn/schedule.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { FormatError, NonFiniteError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import type { DeviceBatch, Method } from "./methods.ts";
import { IGNORED } from "./task.ts";

/**
 * A batch on the host, normalised: colours [size,height,width,3], depth [size,height,width,1], and as target the classes
 * [size] of the images or [size,height,width] of the pixels, 255 where a pixel does not count.
 */
export interface HostBatch {
  size: number;
  height: number;
  width: number;
  rgb: Float32Array;
  depth: Float32Array;
  target: Uint32Array;
}

/** How a method is trained. */
export interface TrainConfig {
  /** Total number of steps: the schedule's length. */
  steps: number;
  /** Highest learning rate. */
  learningRate: number;
  optimiser: OptimiserConfig;
}

/** The recipe's optimiser with a peak learning rate of 4e-3, for this many steps. Source: prototype.md §1. */
export function defaultTraining(steps: number): TrainConfig {
  return { steps, learningRate: 4e-3, optimiser: defaultOptimiser };
}

/** What one step measured. */
export interface StepReport {
  step: number;
  /** The total loss and its unweighted parts. */
  losses: Record<string, number>;
  learningRate: number;
  /** Global norm of the gradient before clipping. */
  gradientNorm: number;
  /** Images of the batch that were classified right while training; for pixels, their share times the images. */
  correct: number;
  size: number;
  /** Whether the step was skipped because the loss or the gradient was not finite. */
  skipped: boolean;
}

// So many steps without a finite loss in a row end a training.
const MAX_SKIPPED = 10;

/** Trains one method step by step; the same seed and batches give the same bits. */
export class Trainer {
  readonly #optimiser: Optimiser;
  #step = 0;
  #skipped = 0;

  constructor(
    private readonly device: GpuDevice,
    readonly method: Method,
    private readonly config: TrainConfig,
    private readonly rng: Rng,
  ) {
    const parameters = new Map<string, Tensor>();
    for (const [part, module] of method.trained) {
      for (const [name, tensor] of module.parameters()) parameters.set(`${part}.${name}`, tensor);
    }
    this.#optimiser = new Optimiser(device, parameters, config.optimiser);
  }

  /** The number of steps taken. */
  get steps(): number {
    return this.#step;
  }

  /**
   * Submits one training step; the promise gives its measurements once the GPU has them.
   * @throws NonFiniteError when ten steps in a row had no finite loss.
   */
  async step(host: HostBatch): Promise<StepReport> {
    const step = this.#step++;
    const learningRate = oneCycle(
      { peak: this.config.learningRate, steps: this.config.steps, warmup: 0.2, startDivisor: 10, endDivisor: 1000 },
      step,
    );
    const { names, tensors } = scope(() => {
      const batch = upload(this.device, host);
      const loss = this.method.loss(batch, trainingPass(this.rng.fork("step", step)));
      backward(loss.total);
      const norm = this.#optimiser.step(learningRate);
      const said = [loss.scores, loss.target];
      return { names: Object.keys(loss.parts), tensors: [...said, norm, loss.total, ...Object.values(loss.parts)] };
    });
    const [scores, target, norm, total, ...parts] = await this.device.readMany(tensors);
    for (const tensor of tensors) tensor.dispose();
    const losses: Record<string, number> = { total: total![0]! };
    for (const [i, name] of names.entries()) losses[name] = parts[i]![0]!;
    const gradientNorm = norm![0]!;
    const skipped = !Number.isFinite(losses.total) || !Number.isFinite(gradientNorm);
    this.#skipped = skipped ? this.#skipped + 1 : 0;
    if (this.#skipped >= MAX_SKIPPED) {
      throw new NonFiniteError(
        `${this.method.name}: expected a finite loss, got ${losses.total} (gradient norm ${gradientNorm}) for ${MAX_SKIPPED} steps in a row; lower the learning rate`,
      );
    }
    return {
      step,
      losses,
      learningRate,
      gradientNorm,
      correct: countCorrect(host.size, scores!, target!),
      size: host.size,
      skipped,
    };
  }

  /** Everything that must be saved to go on later, on the host. */
  async state(): Promise<Map<string, Float32Array>> {
    const tensors = this.#stateTensors();
    const values = await this.device.readMany([...tensors.values()]);
    return new Map([...tensors.keys()].map((name, i) => [name, values[i] as Float32Array]));
  }

  /** Goes back to a saved state after `steps` steps. @throws FormatError if a tensor is missing or has another size. */
  restore(state: ReadonlyMap<string, ArrayLike<number>>, steps: number, file: string): void {
    const tensors = this.#stateTensors();
    for (const [name, tensor] of tensors) {
      const size = state.get(name)?.length;
      if (size !== tensor.size)
        throw new FormatError(file, `${tensor.size} elements for ${name}`, String(size ?? "none"));
    }
    for (const [name, tensor] of tensors) this.device.write(tensor, state.get(name)!);
    this.#step = steps;
    this.#optimiser.steps = steps;
  }

  /** Frees the optimiser's state; the method's networks stay. */
  dispose(): void {
    this.#optimiser.dispose();
  }

  #stateTensors(): Map<string, Tensor> {
    const tensors = new Map<string, Tensor>();
    for (const [part, module] of this.method.trained) {
      for (const [name, tensor] of module.state()) tensors.set(`${part}.${name}`, tensor);
    }
    for (const [name, tensor] of this.#optimiser.state()) tensors.set(`optimiser.${name}`, tensor);
    return tensors;
  }
}

/** Uploads a host batch. */
export function upload(device: GpuDevice, { size, height, width, rgb, depth, target }: HostBatch): DeviceBatch {
  const targets = target.length === size ? [size] : [size, height, width];
  return {
    rgb: device.upload(rgb, [size, height, width, 3]),
    depth: device.upload(depth, [size, height, width, 1]),
    target: device.upload(target, targets, "u32"),
  };
}

/** Number of images times the share of the counted targets whose class has the largest score. */
function countCorrect(size: number, scores: ArrayLike<number>, target: ArrayLike<number>): number {
  const classes = scores.length / target.length;
  let counted = 0;
  let correct = 0;
  for (let i = 0; i < target.length; i++) {
    if (target[i] === IGNORED) continue;
    counted++;
    let best = 0;
    for (let k = 1; k < classes; k++) if (scores[i * classes + k]! > scores[i * classes + best]!) best = k;
    if (best === target[i]) correct++;
  }
  return counted > 0 ? (size * correct) / counted : 0;
}
