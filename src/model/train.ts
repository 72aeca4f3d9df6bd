import { backward } from "../kernels/backward.ts";
import { hits } from "../kernels/hits.ts";
import { argmax } from "../kernels/softmax.ts";
import { type Pass, TrainingPass } from "../nn/module.ts";
import { defaultOptimiser, Optimiser, type OptimiserConfig } from "../nn/optimiser.ts";
import { learningRate, type Schedule } from "../nn/schedules.ts";
import { Compiled, type HostArray } from "../tensor/compile.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { FormatError, NonFiniteError, UsageError } from "../tensor/errors.ts";
import { Program } from "../tensor/program.ts";
import type { Rng } from "../tensor/rng.ts";
import { scope, type Tensor } from "../tensor/tensor.ts";
import type { DeviceBatch, Method } from "./methods.ts";
import { IGNORED } from "./task.ts";

/**
 * A batch on the host, normalised: colours [size,height,width,3], depth [size,height,width,1] with 0 where it is missing
 * and nowhere else, infrared [size,height,width,1] where it is used, and as target the classes [size] of the images or
 * [size,height,width] of the pixels, 255 where a pixel does not count.
 */
export interface HostBatch {
  size: number;
  height: number;
  width: number;
  rgb: Float32Array;
  depth: Float32Array;
  ir?: Float32Array;
  /** Unlabelled images of the same extents: what only transfer terms learn from. */
  more?: Pick<HostBatch, "size" | "rgb" | "depth" | "ir">;
  target: Uint32Array;
}

/** How a method is trained. */
export interface TrainConfig {
  /** Total number of steps: the schedule's length. */
  steps: number;
  /** Highest learning rate. */
  learningRate: number;
  optimiser: OptimiserConfig;
  /** How the learning rate changes; `defaultSchedule` without it. */
  schedule?: Omit<Schedule, "peak" | "steps">;
  /**
   * Rounds that a batch is worked through in, one by default: the gradients of equal parts of it are added up, so that a
   * larger batch fits. Batch statistics and MK-MMD are then those of the parts.
   */
  accumulate?: number;
  /** Steps over which terms of the loss that rise reach their weight: the k-th has k-th parts of it; none by default. */
  ramp?: number;
  /** Whether the step is recorded once and replayed (the default), or built anew each time. */
  replay?: boolean;
}

/** One cycle from a tenth of the peak to a thousandth of it. Source: prototype.md §1. */
export const defaultSchedule: NonNullable<TrainConfig["schedule"]> = {
  kind: "one-cycle",
  warmup: 0.2,
  startDivisor: 10,
  endDivisor: 1000,
  milestones: [],
};

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

/** A step whose report has not been read. */
interface Submitted {
  step: number;
  learningRate: number;
  size: number;
  names: string[];
}

/** Trains one method step by step; the same seed and batches give the same bits. */
export class Trainer {
  readonly #optimiser: Optimiser;
  readonly #pass: TrainingPass & Pick<Pass, "ramp">;
  readonly #compiled: Compiled<InputName, string[]>;
  /** Measurements [KEPT, WIDTH] of the steps whose reports have not been read. */
  readonly #ring: Tensor;
  #pending: Submitted[] = [];
  /** The update behind several rounds. */
  #update: Program<void> | null = null;
  #round = 0;
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
    this.#optimiser = new Optimiser(device, parameters, { lossScaling: method.half, ...config.optimiser });
    const { ramp = 0 } = config;
    // The step that runs has been counted.
    const rising = ramp > 0 ? { ramp: () => Math.min(1, this.#step / ramp) } : {};
    this.#pass = Object.assign(new TrainingPass(rng), rising);
    this.#compiled = new Compiled<InputName, string[]>(device, (batch) => this.#work(batch));
    this.#ring = device.upload(new Float32Array(KEPT * WIDTH), [KEPT, WIDTH]).keep();
  }

  /** The number of steps taken. */
  get steps(): number {
    return this.#step;
  }

  /** The recorded work on batches like this one (on a round, where there are several), for measurements and listings. */
  program(host: HostBatch): Program<string[]> {
    return this.#asBegun(() => this.#compiled.program(inputsOf(this.#rounds(host)[0]!)));
  }

  /** Hands over the work of a step on batches like this one, which is not taken, as `Compiled.handOver`. */
  handOver<R>(host: HostBatch, use: (device: GpuDevice, work: () => unknown) => Promise<R>): Promise<R> {
    return this.#asBegun(() => this.#compiled.handOver(inputsOf(this.#rounds(host)[0]!), use));
  }

  /**
   * Submits one training step and returns at once; `reports` gives its measurements.
   * @throws UsageError when the reports of 64 rounds have not been read, or the batch has no such number of equal parts.
   */
  submit(host: HostBatch): void {
    const rounds = this.#rounds(host);
    if ((this.#pending.length + 1) * rounds.length > KEPT) {
      throw new UsageError(
        `trainer: expected reports() at least every ${Math.floor(KEPT / rounds.length)} steps, got ${this.#pending.length} without`,
      );
    }
    const step = this.#step++;
    const { learningRate: peak, steps, schedule = defaultSchedule } = this.config;
    const rate = learningRate({ ...schedule, peak, steps }, step);
    this.#optimiser.advance(rate);
    let names: string[] = [];
    for (const [round, part] of rounds.entries()) {
      this.#round = round;
      this.#pass.restart(round === 0 ? this.rng.fork("step", step) : this.rng.fork("step", step, "round", round));
      names = this.#replayed ? this.#compiled.run(inputsOf(part)) : scope(() => this.#work(upload(this.device, part)));
    }
    if (rounds.length > 1) {
      if (this.#replayed) this.#update ??= Program.record(this.device, () => this.#finish());
      if (this.#update) this.#update.run();
      else scope(() => this.#finish());
    }
    this.#pending.push({ step, learningRate: rate, size: host.size, names });
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
    const rounds = this.config.accumulate ?? 1;
    const row = (i: number) => ring.subarray(i * WIDTH, (i + 1) * WIDTH);
    return pending.map((facts, i) =>
      this.#report(
        facts,
        Array.from({ length: rounds }, (_, r) => row(i * rounds + r)),
      ),
    );
  }

  /** Takes one training step and gives its measurements: waits for the GPU. @throws NonFiniteError as `reports`. */
  async step(host: HostBatch): Promise<StepReport> {
    this.submit(host);
    return (await this.reports()).at(-1)!;
  }

  get #replayed(): boolean {
    return this.config.replay !== false;
  }

  /** The equal parts of a batch, one for each round. */
  #rounds(host: HostBatch): HostBatch[] {
    const { accumulate = 1 } = this.config;
    const size = host.size / accumulate;
    const extra = (host.more?.size ?? 0) / accumulate;
    if (!(Number.isInteger(accumulate) && accumulate >= 1 && Number.isInteger(size) && Number.isInteger(extra))) {
      throw new UsageError(`accumulate: expected a divisor of the batch of ${host.size} images, got ${accumulate}`);
    }
    if (accumulate === 1) return [host];
    return Array.from({ length: accumulate }, (_, round) => {
      const part = <A extends Float32Array | Uint32Array>(all: A) =>
        all.subarray((round * all.length) / accumulate, ((round + 1) * all.length) / accumulate) as A;
      const images = ({ rgb, depth, ir }: Pick<HostBatch, "rgb" | "depth" | "ir">) => ({
        ...{ rgb: part(rgb), depth: part(depth), ...(ir && { ir: part(ir) }) },
      });
      const more = host.more && { size: host.more.size / accumulate, ...images(host.more) };
      return { ...host, size, ...images(host), target: part(host.target), ...(more && { more }) };
    });
  }

  /** Records the step, whose numbers are defined only once the optimiser has counted one. */
  #asBegun<T>(record: () => T): T {
    const begun = this.#optimiser.steps > 0;
    if (!begun) this.#optimiser.advance(this.config.learningRate);
    try {
      return record();
    } finally {
      if (!begun) this.#optimiser.steps = 0;
    }
  }

  /** What the device does in one round: everything but the numbers that `submit` brings up to date. */
  #work(batch: DeviceBatch): string[] {
    const loss = this.method.loss(batch, this.#pass);
    backward(loss.total, this.#optimiser.lossScale);
    const single = (this.config.accumulate ?? 1) === 1;
    if (!single) this.#optimiser.gather(() => this.#round === 0);
    const norm = single ? this.#optimiser.apply() : null;
    const names = Object.keys(loss.parts);
    if (HEAD + names.length > WIDTH) {
      throw new UsageError(`trainer: expected at most ${WIDTH - HEAD} loss terms, got ${names.length}`);
    }
    const right = hits(argmax(loss.scores), loss.target, { ignored: IGNORED });
    for (const [column, measured] of [loss.total, norm, right, null, ...Object.values(loss.parts)].entries()) {
      if (measured) this.#keep(measured, column);
    }
    return names;
  }

  /** What the device does behind the last of several rounds. */
  #finish(): void {
    this.#keep(this.#optimiser.update(1 / this.config.accumulate!), 1);
  }

  /** Copies what was measured to its column in the row of the round. */
  #keep(measured: Tensor, column: number): void {
    const rounds = this.config.accumulate ?? 1;
    const row = () => this.#pending.length * rounds + this.#round;
    this.device.copy(measured, this.#ring, () => row() * WIDTH + column);
  }

  #report({ step, learningRate, size, names }: Submitted, rows: readonly ArrayLike<number>[]): StepReport {
    const sum = (column: number) => rows.reduce((total, row) => total + row[column]!, 0);
    const gradientNorm = rows.at(-1)![1]!;
    const [total, right, counted] = [sum(0) / rows.length, sum(2), sum(3)];
    const losses: Record<string, number> = { total };
    for (const [i, name] of names.entries()) losses[name] = sum(HEAD + i) / rows.length;
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
    this.#update?.dispose();
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

/** The arrays that every batch has. */
export type InputName = "rgb" | "depth" | "target";

/** A batch's arrays with their shapes, by the names of `DeviceBatch`. */
export type Inputs = Record<InputName, HostArray> & Partial<Record<keyof DeviceBatch, HostArray>>;

/** A batch's arrays with their shapes. */
export function inputsOf({ size, height, width, rgb, depth, ir, target, more }: HostBatch): Inputs {
  const targets = target.length === size ? [size] : [size, height, width];
  const images = (data: Float32Array, count: number, channels: number): HostArray => ({
    ...{ data, shape: [count, height, width, channels] },
  });
  return {
    rgb: images(rgb, size, 3),
    depth: images(depth, size, 1),
    ...(ir && { ir: images(ir, size, 1) }),
    target: { data: target, shape: targets, dtype: "u32" },
    ...(more && { moreRgb: images(more.rgb, more.size, 3), moreDepth: images(more.depth, more.size, 1) }),
    ...(more?.ir && { moreIr: images(more.ir, more.size, 1) }),
  };
}

/** Uploads a host batch. */
export function upload(device: GpuDevice, host: HostBatch): DeviceBatch {
  const inputs = Object.entries(inputsOf(host)) as [keyof DeviceBatch, HostArray][];
  return Object.fromEntries(inputs.map(([name, { data, shape, dtype }]) => [name, device.upload(data, shape, dtype)]));
}
