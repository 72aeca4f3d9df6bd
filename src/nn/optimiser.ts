import { accumulate, adaptLossScale, clipFactor, gradientNorm } from "../kernels/gradients.ts";
import { adamwStep, sgdStep } from "../kernels/optimizer.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How parameters are updated. */
export interface OptimiserConfig {
  kind: "adamw" | "adam" | "sgd";
  /** Decoupled for AdamW, L2 for Adam and SGD; applied to weights only, not to biases and batch norm. */
  weightDecay: number;
  /** Largest global gradient norm; 0 for no limit. */
  clip: number;
  /** SGD: momentum, in Nesterov's form. */
  momentum: number;
  /** AdamW and Adam: decay of the two moments, and the term that keeps the division finite. */
  beta1: number;
  beta2: number;
  eps: number;
  /** Whether the loss is scaled up for the backward pass, where gradients are kept in f16; off by default. */
  lossScaling?: boolean;
}

/** AdamW as in the classification recipe. Source: Loshchilov & Hutter 2019; settings of prototype.md §1. */
export const defaultOptimiser: OptimiserConfig = {
  kind: "adamw",
  weightDecay: 0.05,
  clip: 5,
  momentum: 0.9,
  beta1: 0.9,
  beta2: 0.999,
  eps: 1e-8,
};

// The loss scale a training begins with, and good steps in a row after which it doubles.
const FIRST_SCALE = 2 ** 15;
const PATIENCE = 1000;
// Parameters begin at multiples of so many elements in the flat buffers: 256 bytes, as bindings must.
const ALIGNMENT = 64;

/** What belongs together: all of one parameter, or all of all. */
interface Buffers {
  parameter: Tensor;
  gradient: Tensor;
  first: Tensor | null;
  second: Tensor | null;
}

/** One parameter's part of the flat buffers, and the element it begins at. */
interface Slot extends Buffers {
  name: string;
  offset: number;
}

/**
 * Updates parameters in place from their gradients. All parameters move into one buffer, each at its place, and so do
 * gradients and moments, so that a step is a handful of dispatches however many parameters there are. A step whose global
 * gradient norm is NaN or infinite changes nothing. The state (moments, step count) is part of a checkpoint.
 */
export class Optimiser {
  readonly #config: OptimiserConfig;
  readonly #slots: Slot[];
  readonly #flat: Buffers;
  // The scale and the good steps in a row, one element each.
  readonly #scaling: { scale: Tensor; good: Tensor } | null;
  // Gradients of one round, where there are several.
  #round: Tensor | null = null;
  // Parameters that decay lie in front of those that do not.
  readonly #decayed: number;
  #steps = 0;
  #learningRate = 0;
  // Powers of the betas, kept as running products so that every engine gives the same bits.
  #power1 = 1;
  #power2 = 1;

  /** What is not `given` is as in `defaultOptimiser`. */
  constructor(
    private readonly device: GpuDevice,
    parameters: ReadonlyMap<string, Tensor>,
    given: Partial<OptimiserConfig> = {},
  ) {
    const config = { ...defaultOptimiser, ...given };
    this.#config = config;
    const all = [...parameters];
    const offsets = new Map<string, number>();
    let size = 0;
    const place = (decays: boolean) => {
      for (const [name, tensor] of all) {
        if (tensor.shape.length > 1 !== decays) continue;
        offsets.set(name, size);
        size += Math.ceil(tensor.size / ALIGNMENT) * ALIGNMENT;
      }
    };
    place(true);
    this.#decayed = size;
    place(false);
    const zeros = () => device.upload(new Float32Array(size), [size]).keep();
    const slice = (flat: Tensor, name: string, shape: Shape) => device.slice(flat, offsets.get(name)!, shape).keep();
    const flat = zeros();
    for (const [name, parameter] of all) {
      device.copy(parameter, flat, offsets.get(name));
      const home = slice(flat, name, parameter.shape);
      parameter.moveTo(home);
      home.dispose();
    }
    // What the parameters have left is too large to lie idle.
    device.trim();
    const adam = config.kind !== "sgd";
    const moments = { first: adam || config.momentum > 0 ? zeros() : null, second: adam ? zeros() : null };
    this.#flat = { parameter: flat, gradient: zeros(), ...moments };
    const one = (value: number) => device.upload([value], [1]).keep();
    this.#scaling = config.lossScaling ? { scale: one(FIRST_SCALE), good: one(0) } : null;
    // In the order given, which is that of the state.
    this.#slots = all.map(([name, parameter]) => {
      const part = (of: Tensor | null) => of && slice(of, name, parameter.shape);
      const { gradient, first, second } = this.#flat;
      const parts = { gradient: part(gradient)!, first: part(first), second: part(second) };
      return { name, offset: offsets.get(name)!, parameter, ...parts };
    });
  }

  /**
   * One update with this learning rate; returns the global gradient norm before clipping (one element).
   * @throws UsageError if a parameter has no gradient.
   */
  step(learningRate: number): Tensor {
    this.advance(learningRate);
    return this.apply();
  }

  /** Counts a step, to be taken with this learning rate: what changes from step to step on the host. */
  advance(learningRate: number): void {
    this.#learningRate = learningRate;
    this.#power1 *= this.#config.beta1;
    this.#power2 *= this.#config.beta2;
    this.#steps++;
  }

  /**
   * The work of one step on the device, which may be recorded: it takes its numbers from the last call of `advance`.
   * Returns the global gradient norm before clipping (one element).
   * @throws UsageError if a parameter has no gradient.
   */
  apply(): Tensor {
    this.gather();
    return this.update();
  }

  /**
   * Takes the gradients that `backward` has left. Where `first` is given they are one round of several: it says whether
   * the sum begins with them. @throws UsageError if a parameter has no gradient.
   */
  gather(first?: () => boolean): void {
    const { device } = this;
    const sum = this.#flat.gradient;
    if (first) this.#round ??= device.upload(new Float32Array(sum.size), sum.shape).keep();
    for (const { name, parameter, gradient, offset } of this.#slots) {
      if (!parameter.grad) throw new UsageError(`optimiser: expected a gradient for ${name}, got none`);
      if (first) device.copy(parameter.grad, this.#round!, offset);
      else device.copy(parameter.grad, gradient);
    }
    if (first) accumulate(device, this.#round!, sum, first);
    this.zeroGrad();
  }

  /**
   * Updates the parameters by `scale` times the gradients that were gathered. Returns their global norm before clipping
   * (one element).
   */
  update(scale = 1): Tensor {
    const { device } = this;
    const config = this.#config;
    const { parameter, gradient, first, second } = this.#flat;
    const lossScale = this.lossScale;
    const norm = gradientNorm(device, [gradient], scale, lossScale);
    const clip = clipFactor(device, norm, config.clip > 0 ? config.clip : Number.MAX_VALUE, scale, lossScale);
    if (this.#scaling) adaptLossScale(device, norm, this.#scaling.scale, this.#scaling.good, PATIENCE);
    const learningRate = () => this.#learningRate;
    const common = { parameter, gradient, learningRate, weightDecay: config.weightDecay, decayed: this.#decayed, clip };
    if (second) {
      const { beta1, beta2, eps } = config;
      // Before the first step, when the work may be recorded, they are those of the first.
      const powers = () => (this.#steps === 0 ? [beta1, beta2] : [this.#power1, this.#power2]) as [number, number];
      const corrections = { correction1: () => 1 - powers()[0], correction2: () => 1 - powers()[1] };
      const coupled = config.kind === "adam";
      adamwStep(device, { ...common, m: first!, v: second, coupled, beta1, beta2, eps, ...corrections });
    } else {
      const { momentum } = config;
      sgdStep(device, { ...common, velocity: first, momentum, nesterov: momentum > 0 });
    }
    clip.dispose();
    return norm;
  }

  /** What the loss is to be multiplied with before the backward pass, one element; null where it is not. */
  get lossScale(): Tensor | null {
    return this.#scaling?.scale ?? null;
  }

  /** Frees all gradients. */
  zeroGrad(): void {
    for (const { parameter } of this.#slots) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The state tensors by name ("first.<parameter>", "second.<parameter>", and those of the loss scale). */
  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    if (this.#scaling) state.set("loss_scale", this.#scaling.scale).set("good_steps", this.#scaling.good);
    for (const { name, first, second } of this.#slots) {
      if (first) state.set(`first.${name}`, first);
      if (second) state.set(`second.${name}`, second);
    }
    return state;
  }

  /** The number of steps taken. */
  get steps(): number {
    return this.#steps;
  }

  /** Sets the number of steps taken, after the state tensors were restored. */
  set steps(count: number) {
    this.#steps = 0;
    this.#power1 = 1;
    this.#power2 = 1;
    while (this.#steps < count) this.advance(this.#learningRate);
  }

  /** Frees the state; the parameters stay where they are. */
  dispose(): void {
    this.zeroGrad();
    this.#flat.parameter.dispose();
    for (const tensor of [this.#round, this.#scaling?.scale, this.#scaling?.good]) tensor?.dispose();
    for (const { gradient, first, second } of [this.#flat, ...this.#slots]) {
      for (const tensor of [gradient, first, second]) tensor?.dispose();
    }
  }
}
