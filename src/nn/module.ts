import type { Live } from "../tensor/command.ts";
import type { Device } from "../tensor/device.ts";
import { FormatError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { sameShape, showShape } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What every forward pass is told: whether it trains, and where its random numbers come from. */
export interface Pass {
  readonly training: boolean;
  /** Whether a part is computed a second time: running statistics have moved already. */
  readonly repeated?: boolean;
  /** A fresh seed for one random layer, drawn in the order of the calls; a function where it changes between replays. */
  seed(): Live;
}

/** The pass of inference: batch norm uses running statistics, dropout does nothing. */
export const inference: Pass = { training: false, seed: () => 0 };

/** A training pass whose random layers draw from a generator; the same pass serves every replay of a recorded step. */
export class TrainingPass implements Pass {
  readonly training = true;
  #seeds: number[] = [];
  #drawn = 0;
  #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  seed(): Live {
    const index = this.#drawn++;
    if (index === this.#seeds.length) this.#seeds.push(this.#rng.uint32());
    return () => this.#seeds[index]!;
  }

  /** Begins another step, whose seeds come from this generator. */
  restart(rng: Rng): void {
    this.#rng = rng;
    this.#drawn = 0;
    this.#seeds = this.#seeds.map(() => rng.uint32());
  }
}

/** Where a module's parameters are made: the device, and random numbers that depend only on the parameter's path. */
export class Init {
  constructor(
    readonly device: Device,
    readonly rng: Rng,
  ) {}

  /** The same, for a part of the module. */
  at(...path: (string | number)[]): Init {
    return new Init(this.device, this.rng.fork(...path));
  }

  /** A trainable tensor with normally distributed elements. */
  normal(shape: readonly number[], std: number): Tensor {
    const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
    this.rng.fillNormal(data, std);
    return parameter(this.device.upload(data, shape, "f32"));
  }

  /** A trainable tensor with elements uniform in [-bound, bound]. */
  uniform(shape: readonly number[], bound: number): Tensor {
    const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
    for (let i = 0; i < data.length; i++) data[i] = this.rng.uniform(-bound, bound);
    return parameter(this.device.upload(data, shape, "f32"));
  }

  /** A trainable tensor with one value everywhere. */
  constant(shape: readonly number[], value: number): Tensor {
    return parameter(this.buffer(shape, value));
  }

  /** A tensor that is saved with the module but not trained. */
  buffer(shape: readonly number[], value: number): Tensor {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return this.device.upload(new Float32Array(size).fill(value), shape, "f32").keep();
  }
}

function parameter(tensor: Tensor): Tensor {
  tensor.requiresGrad = true;
  return tensor.keep();
}

/**
 * Base of everything with parameters: its tensors and sub-modules are found among its fields, and named by them
 * as PyTorch would ("layer1.0.bn1.running_mean").
 */
export abstract class Module {
  /** Visits every tensor of this module and its parts, in the order of the fields. */
  #visit(prefix: string, visit: (name: string, tensor: Tensor) => void): void {
    const walk = (name: string, value: unknown) => {
      if (value instanceof Tensor) visit(name, value);
      else if (value instanceof Module) value.#visit(`${name}.`, visit);
      else if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(`${name}.${i}`, item);
    };
    for (const [field, value] of Object.entries(this)) walk(prefix + snakeCase(field), value);
  }

  /** This module's parts, and theirs, by path ("layer1.0.bn1"). */
  modules(): Map<string, Module> {
    const found = new Map<string, Module>();
    const walk = (path: string, value: unknown) => {
      if (value instanceof Module) {
        found.set(path, value);
        for (const [below, part] of value.modules()) found.set(`${path}.${below}`, part);
      } else if (Array.isArray(value)) for (const [i, item] of value.entries()) walk(`${path}.${i}`, item);
    };
    for (const [field, value] of Object.entries(this)) walk(snakeCase(field), value);
    return found;
  }

  /** All tensors by name: parameters and buffers. */
  state(): Map<string, Tensor> {
    const found = new Map<string, Tensor>();
    this.#visit("", (name, tensor) => found.set(name, tensor));
    return found;
  }

  /** The trainable tensors by name. */
  parameters(): Map<string, Tensor> {
    return new Map([...this.state()].filter(([, tensor]) => tensor.requiresGrad));
  }

  /** Number of trainable scalars. */
  parameterCount(): number {
    let count = 0;
    for (const tensor of this.parameters().values()) count += tensor.size;
    return count;
  }

  /** Stops gradients into this module's parameters, but for those of some parts: the tape does not record what is frozen. */
  freeze(except: readonly Module[] = []): this {
    const kept = new Set(except.flatMap((part) => [...part.parameters().values()]));
    for (const tensor of this.parameters().values()) tensor.requiresGrad = kept.has(tensor);
    return this;
  }

  /** Frees all tensors. */
  dispose(): void {
    for (const tensor of this.state().values()) tensor.dispose();
  }
}

function snakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A named array of f32 in its stored layout: convolution weights are OIHW on disk, as in PyTorch. */
export interface Stored {
  shape: readonly number[];
  data: Float32Array;
}

/** Copies a module's tensors to the host, in PyTorch's layout and names. */
export async function saveState(module: Module): Promise<Map<string, Stored>> {
  const entries = [...module.state()].map(async ([name, tensor]) => {
    const data = (await tensor.read()) as Float32Array;
    return [name, tensor.shape.length === 4 ? toOihw(data, tensor.shape) : { shape: tensor.shape, data }] as const;
  });
  return new Map(await Promise.all(entries));
}

/**
 * Overwrites a module's tensors from stored ones.
 * @throws FormatError naming the tensor that is missing or has another shape, before anything is overwritten.
 */
export function loadState(module: Module, stored: ReadonlyMap<string, Stored>, file: string): void {
  const state = module.state();
  const values = [...state].map(([name, tensor]) => {
    const found = stored.get(name);
    if (!found) throw new FormatError(file, `a tensor "${name}"`, `${stored.size} tensors without it`);
    const { shape, data } = tensor.shape.length === 4 && found.shape.length === 4 ? toHwio(found) : found;
    if (!sameShape(shape, tensor.shape)) {
      throw new FormatError(`${file}: ${name}`, `shape ${showShape(tensor.shape)}`, showShape(shape));
    }
    return [tensor, data] as const;
  });
  for (const [tensor, data] of values) tensor.device.write(tensor, data);
}

function toOihw(data: Float32Array, [h, w, i, o]: readonly number[]): Stored {
  const out = new Float32Array(data.length);
  const taps = h! * w!;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < i!; c++)
      for (let k = 0; k < o!; k++) out[(k * i! + c) * taps + tap] = data[(tap * i! + c) * o! + k]!;
  }
  return { shape: [o!, i!, h!, w!], data: out };
}

function toHwio({ shape: [o, i, h, w], data }: Stored): Stored {
  const out = new Float32Array(data.length);
  const taps = h! * w!;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < i!; c++)
      for (let k = 0; k < o!; k++) out[(tap * i! + c) * o! + k] = data[(k * i! + c) * taps + tap]!;
  }
  return { shape: [h!, w!, i!, o!], data: out };
}
