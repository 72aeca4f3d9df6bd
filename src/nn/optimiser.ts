import { adamwStep, clipFactor, gradientNorm, sgdStep } from "../kernels/optimizer.ts";
import type { GpuDevice } from "../tensor/device.ts";
import { UsageError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How parameters are updated. */
export interface OptimiserConfig {
  kind: "adamw" | "sgd";
  /** Decoupled for AdamW, L2 for SGD; applied to weights only, not to biases and batch norm. */
  weightDecay: number;
  /** Largest global gradient norm; 0 for no limit. */
  clip: number;
  /** SGD: momentum, in Nesterov's form. */
  momentum: number;
  /** AdamW: decay of the two moments, and the term that keeps the division finite. */
  beta1: number;
  beta2: number;
  eps: number;
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

// Parameters begin at multiples of so many elements in the flat buffers: 256 bytes, as bindings must.
const ALIGNMENT = 64;

/** What belongs together: all of one parameter, or all of all. */
interface Buffers {
  parameter: Tensor;
  gradient: Tensor;
  first: Tensor;
  second: Tensor | null;
}

/**
 * Updates parameters in place from their gradients. All parameters move into one buffer, each at its place, and so do
 * gradients and moments, so that a step is a handful of dispatches however many parameters there are. A step whose global
 * gradient norm is NaN or infinite changes nothing. The state (moments, step count) is part of a checkpoint.
 */
export class Optimiser {
  readonly #slots: (Buffers & { name: string })[];
  readonly #flat: Buffers;
  // Parameters that decay lie in front of those that do not.
  readonly #decayed: number;
  #steps = 0;
  #learningRate = 0;
  // Powers of the betas, kept as running products so that every engine gives the same bits.
  #power1 = 1;
  #power2 = 1;

  constructor(
    private readonly device: GpuDevice,
    parameters: ReadonlyMap<string, Tensor>,
    private readonly config: OptimiserConfig,
  ) {
    const decays = ([, { shape }]: [string, Tensor]) => shape.length > 1;
    const all = [...parameters];
    const placed = [...all.filter(decays), ...all.filter((entry) => !decays(entry))];
    const room = ([, { size }]: [string, Tensor]) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    const elements = (entries: [string, Tensor][]) => entries.reduce((total, entry) => total + room(entry), 0);
    this.#decayed = elements(all.filter(decays));
    const zeros = () => device.upload(new Float32Array(elements(all)), [elements(all)]).keep();
    const adam = config.kind === "adamw";
    this.#flat = { parameter: zeros(), gradient: zeros(), first: zeros(), second: adam ? zeros() : null };
    const slots = new Map<string, Buffers & { name: string }>();
    let offset = 0;
    for (const entry of placed) {
      const [name, parameter] = entry;
      const slice = (flat: Tensor) => device.slice(flat, offset, parameter.shape).keep();
      const { gradient, first, second } = this.#flat;
      device.copy(parameter, this.#flat.parameter, offset);
      const home = slice(this.#flat.parameter);
      parameter.moveTo(home);
      home.dispose();
      const rest = { gradient: slice(gradient), first: slice(first), second: second && slice(second) };
      slots.set(name, { name, parameter, ...rest });
      offset += room(entry);
    }
    // In the order given, which is that of the state.
    this.#slots = all.map(([name]) => slots.get(name)!);
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
    this.#power1 *= this.config.beta1;
    this.#power2 *= this.config.beta2;
    this.#steps++;
  }

  /**
   * The work of one step on the device, which may be recorded: it takes its numbers from the last call of `advance`.
   * Returns the global gradient norm before clipping (one element).
   * @throws UsageError if a parameter has no gradient.
   */
  apply(): Tensor {
    const { device, config } = this;
    for (const { name, parameter, gradient } of this.#slots) {
      if (!parameter.grad) throw new UsageError(`optimiser: expected a gradient for ${name}, got none`);
      device.copy(parameter.grad, gradient);
    }
    this.zeroGrad();
    const { parameter, gradient, first, second } = this.#flat;
    const norm = gradientNorm(device, [gradient]);
    const clip = clipFactor(device, norm, config.clip > 0 ? config.clip : Number.MAX_VALUE);
    const learningRate = () => this.#learningRate;
    const common = { parameter, gradient, learningRate, weightDecay: config.weightDecay, decayed: this.#decayed, clip };
    if (second) {
      const { beta1, beta2, eps } = config;
      const corrections = { correction1: () => 1 - this.#power1, correction2: () => 1 - this.#power2 };
      adamwStep(device, { ...common, m: first, v: second, beta1, beta2, eps, ...corrections });
    } else {
      const { momentum } = config;
      const isFirst = () => this.#steps === 1;
      sgdStep(device, { ...common, velocity: first, momentum, nesterov: momentum > 0, first: isFirst });
    }
    clip.dispose();
    return norm;
  }

  /** Frees all gradients. */
  zeroGrad(): void {
    for (const { parameter } of this.#slots) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The state tensors by name ("first.<parameter>", "second.<parameter>"). */
  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { name, first, second } of this.#slots) {
      state.set(`first.${name}`, first);
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
    this.#steps = count;
    this.#power1 = 1;
    this.#power2 = 1;
    for (let i = 0; i < count; i++) {
      this.#power1 *= this.config.beta1;
      this.#power2 *= this.config.beta2;
    }
  }

  /** Frees the state; the parameters stay where they are. */
  dispose(): void {
    this.zeroGrad();
    this.#flat.parameter.dispose();
    for (const { gradient, first, second } of [this.#flat, ...this.#slots]) {
      for (const tensor of [gradient, first, second]) tensor?.dispose();
    }
  }
}
