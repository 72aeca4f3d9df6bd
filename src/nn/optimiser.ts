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

/**
 * Updates parameters in place from their gradients. A step whose global gradient norm is NaN or infinite changes
 * nothing. The state (moments, step count) is part of a checkpoint.
 */
export class Optimiser {
  readonly #moments: { name: string; parameter: Tensor; first: Tensor; second: Tensor | null; decay: number }[];
  #steps = 0;
  // Powers of the betas, kept as running products so that every engine gives the same bits.
  #power1 = 1;
  #power2 = 1;

  constructor(
    private readonly device: GpuDevice,
    parameters: ReadonlyMap<string, Tensor>,
    private readonly config: OptimiserConfig,
  ) {
    const zeros = (like: Tensor) => device.upload(new Float32Array(like.size), like.shape).keep();
    this.#moments = [...parameters].map(([name, parameter]) => ({
      name,
      parameter,
      first: zeros(parameter),
      second: config.kind === "adamw" ? zeros(parameter) : null,
      decay: parameter.shape.length > 1 ? config.weightDecay : 0,
    }));
  }

  /**
   * One update with this learning rate; returns the global gradient norm before clipping (one element).
   * @throws UsageError if a parameter has no gradient.
   */
  step(learningRate: number): Tensor {
    const { device, config } = this;
    const gradients = this.#moments.map(({ name, parameter }) => {
      if (!parameter.grad) throw new UsageError(`optimiser: expected a gradient for ${name}, got none`);
      return parameter.grad;
    });
    const norm = gradientNorm(device, gradients);
    const clip = clipFactor(device, norm, config.clip > 0 ? config.clip : Number.MAX_VALUE);
    this.#power1 *= config.beta1;
    this.#power2 *= config.beta2;
    for (const [i, { parameter, first, second, decay }] of this.#moments.entries()) {
      const common = { parameter, gradient: gradients[i]!, learningRate, weightDecay: decay, clip };
      if (second) {
        const { beta1, beta2, eps } = config;
        const corrections = { correction1: 1 - this.#power1, correction2: 1 - this.#power2 };
        adamwStep(device, { ...common, m: first, v: second, beta1, beta2, eps, ...corrections });
      } else {
        const { momentum } = config;
        sgdStep(device, { ...common, velocity: first, momentum, nesterov: momentum > 0, first: this.#steps === 0 });
      }
    }
    this.#steps++;
    clip.dispose();
    this.zeroGrad();
    return norm;
  }

  /** Frees all gradients. */
  zeroGrad(): void {
    for (const { parameter } of this.#moments) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** The state tensors by name ("first.<parameter>", "second.<parameter>"). */
  state(): Map<string, Tensor> {
    const state = new Map<string, Tensor>();
    for (const { name, first, second } of this.#moments) {
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

  /** Frees the state. */
  dispose(): void {
    this.zeroGrad();
    for (const { first, second } of this.#moments) {
      first.dispose();
      second?.dispose();
    }
  }
}
