import { backward } from "../kernels/backward.ts";
import { hits } from "../kernels/hits.ts";
import { argmax } from "../kernels/softmax.ts";
import { TrainingPass } from "../nn/module.ts";
import { defaultOptimiser, Optimiser, type OptimiserConfig } from "../nn/optimiser.ts";
import { oneCycle } from "../nn/schedule.ts";
import { Compiled, type HostArray } from "../tensor/compile.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { FormatError, NonFiniteError, UsageError } from "../tensor/errors.ts";
import type { Program } from "../tensor/program.ts";
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
  /** Whether the step is recorded once and replayed (the default), or built anew each time. */
  replay?: boolean;
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
// Steps whose measurements the device keeps until they are read, and numbers of each: what is not a loss term, and those.
const KEPT = 64;
const WIDTH = 16;
const HEAD = 4;

/** Trains one method step by step; the same seed and batches give the same bits. */
export class Trainer {
  readonly #optimiser: Optimiser;
  readonly #pass: TrainingPass;
  readonly #compiled: Compiled<InputName, string[]>;
  /** Measurements [KEPT, WIDTH] of the steps whose reports have not been read. */
  readonly #ring: Tensor;
  #pending: { step: number; learningRate: number; size: number; names: string[] }[] = [];
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
    this.#pass = new TrainingPass(rng);
    this.#compiled = new Compiled<InputName, string[]>(device, (batch) => this.#work(batch));
    this.#ring = device.upload(new Float32Array(KEPT * WIDTH), [KEPT, WIDTH]).keep();
  }

  /** The number of steps taken. */
  get steps(): number {
    return this.#step;
  }

  /** The recorded step for batches like this one, for measurements and listings. */
  program(host: HostBatch): Program<string[]> {
    return this.#compiled.program(inputsOf(host));
  }

  /**
   * Submits one training step and returns at once; `reports` gives its measurements.
   * @throws UsageError when the reports of 64 steps have not been read.
   */
  submit(host: HostBatch): void {
    if (this.#pending.length === KEPT) {
      throw new UsageError(`trainer: expected reports() at least every ${KEPT} steps, got ${KEPT} without`);
    }
    const step = this.#step++;
    const learningRate = oneCycle(
      { peak: this.config.learningRate, steps: this.config.steps, warmup: 0.2, startDivisor: 10, endDivisor: 1000 },
      step,
    );
    this.#pass.restart(this.rng.fork("step", step));
    this.#optimiser.advance(learningRate);
    const names =
      this.config.replay === false
        ? scope(() => this.#work(upload(this.device, host)))
        : this.#compiled.run(inputsOf(host));
    this.#pending.push({ step, learningRate, size: host.size, names });
  }

  /**
   * The measurements of the steps submitted since the last call, oldest first: waits for the GPU.
   * @throws NonFiniteError when ten steps in a row had no finite loss.
   */
  async reports(): Promise<StepReport[]> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return [];
    const ring = await this.#ring.read();
    return pending.map((facts, row) => this.#report(facts, ring.subarray(row * WIDTH, (row + 1) * WIDTH)));
  }

  /** Takes one training step and gives its measurements: waits for the GPU. @throws NonFiniteError as `reports`. */
  async step(host: HostBatch): Promise<StepReport> {
    this.submit(host);
    return (await this.reports()).at(-1)!;
  }

  /** What the device does in one step: everything but the numbers that `submit` brings up to date. */
  #work(batch: DeviceBatch): string[] {
    const loss = this.method.loss(batch, this.#pass);
    backward(loss.total);
    const norm = this.#optimiser.apply();
    const names = Object.keys(loss.parts);
    if (HEAD + names.length > WIDTH) {
      throw new UsageError(`trainer: expected at most ${WIDTH - HEAD} loss terms, got ${names.length}`);
    }
    const right = hits(argmax(loss.scores), loss.target, { ignored: IGNORED });
    let column = 0;
    for (const measured of [loss.total, norm, right, ...Object.values(loss.parts)]) {
      const at = column;
      this.device.copy(measured, this.#ring, () => this.#pending.length * WIDTH + at);
      column += measured.size;
    }
    return names;
  }

  #report(facts: { step: number; learningRate: number; size: number; names: string[] }, row: ArrayLike<number>) {
    const { step, learningRate, size, names } = facts;
    const [total, gradientNorm, right, counted] = [row[0]!, row[1]!, row[2]!, row[3]!];
    const losses: Record<string, number> = { total };
    for (const [i, name] of names.entries()) losses[name] = row[HEAD + i]!;
    const skipped = !Number.isFinite(total) || !Number.isFinite(gradientNorm);
    this.#skipped = skipped ? this.#skipped + 1 : 0;
    if (this.#skipped >= MAX_SKIPPED) {
      throw new NonFiniteError(
        `${this.method.name}: expected a finite loss, got ${total} (gradient norm ${gradientNorm}) for ${MAX_SKIPPED} steps in a row; lower the learning rate`,
      );
    }
    const correct = counted > 0 ? (size * right) / counted : 0;
    return { step, losses, learningRate, gradientNorm, correct, size, skipped };
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

  /** Frees the recorded steps and the optimiser's state; the method's networks stay. */
  dispose(): void {
    this.#compiled.dispose();
    this.#ring.dispose();
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

/** The arrays of a batch. */
export type InputName = "rgb" | "depth" | "target";

/** A batch's arrays with their shapes. */
export function inputsOf({ size, height, width, rgb, depth, target }: HostBatch): Record<InputName, HostArray> {
  const targets = target.length === size ? [size] : [size, height, width];
  return {
    rgb: { data: rgb, shape: [size, height, width, 3] },
    depth: { data: depth, shape: [size, height, width, 1] },
    target: { data: target, shape: targets, dtype: "u32" },
  };
}

/** Uploads a host batch. */
export function upload(device: GpuDevice, host: HostBatch): DeviceBatch {
  const { rgb, depth, target } = inputsOf(host);
  const tensor = ({ data, shape, dtype }: HostArray) => device.upload(data, shape, dtype);
  return { rgb: tensor(rgb), depth: tensor(depth), target: tensor(target) };
}
