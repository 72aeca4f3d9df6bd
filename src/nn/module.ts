import type { Live } from "../tensor/command.ts";
import type { Device } from "../tensor/device.ts";
import { FormatError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { type Shape, sameShape, showShape, sizeOf } from "../tensor/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What every forward pass is told: whether it trains, and where its random numbers come from. */
export interface Pass {
  readonly training: boolean;
  /** Whether a part is computed a second time: running statistics have moved already. */
  readonly repeated?: boolean;
  /** The share of their weight that terms of a loss have by now which rise to it; all of it where none is said. */
  readonly ramp?: Live;
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

/** A named array of f32 in its stored layout: convolution weights are OIHW on disk, as in PyTorch. */
export interface Stored {
  shape: readonly number[];
  data: Float32Array;
}

/** How stored tensors are loaded. */
export interface LoadOptions {
  /** Whether the names must be the module's, all and no others; shapes must be in any case. */
  strict?: boolean;
  /** Where the tensors come from, for messages. */
  origin?: string;
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
  normal(shape: Shape, std: number): Tensor {
    return this.#drawn(shape, (data) => this.rng.fillNormal(data, std));
  }

  /** A trainable tensor with elements uniform in [-bound, bound]. */
  uniform(shape: Shape, bound: number): Tensor {
    return this.#drawn(shape, (data) => {
      for (let i = 0; i < data.length; i++) data[i] = this.rng.uniform(-bound, bound);
    });
  }

  /** A trainable tensor with one value everywhere. */
  constant(shape: Shape, value: number): Tensor {
    return parameter(this.buffer(shape, value));
  }

  /** A tensor that is saved with the module but not trained. */
  buffer(shape: Shape, value: number): Tensor {
    return this.device.upload(new Float32Array(sizeOf(shape)).fill(value), shape, "f32").keep();
  }

  #drawn(shape: Shape, fill: (data: Float32Array) => void): Tensor {
    const data = new Float32Array(sizeOf(shape));
    fill(data);
    return parameter(this.device.upload(data, shape, "f32"));
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

  /**
   * Copies all tensors to the host, by PyTorch's names and in its layout, ready for a safetensors file: waits for the GPU.
   */
  async stateDict(): Promise<Map<string, Stored>> {
    const entries = [...this.state()].map(async ([name, tensor]) => {
      const data = (await tensor.read()) as Float32Array;
      return [name, tensor.shape.length === 4 ? toOihw(data, tensor.shape) : { shape: tensor.shape, data }] as const;
    });
    return new Map(await Promise.all(entries));
  }

  /**
   * Overwrites the tensors with stored ones of the same names, in the layout that `stateDict` gives. How many batches a
   * PyTorch batch norm has seen (num_batches_tracked) is needed by none and passed over.
   * @returns the names that only one side has: none where strict
   * @throws FormatError naming every tensor that does not fit, before anything is overwritten.
   */
  loadStateDict(
    stored: ReadonlyMap<string, Stored>,
    { strict = true, origin = "state dict" }: LoadOptions = {},
  ): { missing: string[]; unexpected: string[] } {
    const state = this.state();
    const missing = [...state.keys()].filter((name) => !stored.has(name));
    const unexpected = [...stored.keys()].filter((name) => !state.has(name) && !isCounter(name));
    const different: string[] = [];
    for (const [name, tensor] of state) {
      const found = stored.get(name);
      const expected = shapeOnDisk(tensor.shape);
      if (!found || (sameShape(found.shape, expected) && found.data.length === tensor.size)) continue;
      const got = sameShape(found.shape, expected) ? `${found.data.length} elements` : showShape(found.shape);
      different.push(`${name} ${got} for ${showShape(expected)}`);
    }
    const faults = [
      strict && listed("missing", missing),
      strict && listed("unexpected", unexpected),
      listed("of another shape", different),
    ].filter(Boolean);
    if (faults.length > 0) throw new FormatError(origin, `the ${state.size} tensors of the module`, faults.join("; "));
    for (const [name, tensor] of state) {
      const found = stored.get(name);
      if (found) tensor.device.write(tensor, tensor.shape.length === 4 ? toHwio(found) : found.data);
    }
    return { missing, unexpected };
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

/** Whether a name is that of what a batch norm of PyTorch has counted, which its state dicts have and nothing here needs. */
export function isCounter(name: string): boolean {
  return /(^|\.)num_batches_tracked$/.test(name);
}

// Names of each kind that a message has room for.
const LISTED = 8;

/** Says what is wrong with some tensors, by name; empty if there is none. */
function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : "";
  return `${names.length} ${what}: ${names.slice(0, LISTED).join(", ")}${more}`;
}

/** A shape in PyTorch's layout: convolution weights are OIHW there and HWIO here. */
export function shapeOnDisk(shape: Shape): Shape {
  if (shape.length !== 4) return shape;
  const [h, w, i, o] = shape as [number, number, number, number];
  return [o, i, h, w];
}

function toOihw(data: Float32Array, shape: Shape): Stored {
  const [h, w, i, o] = shape as [number, number, number, number];
  const out = new Float32Array(data.length);
  const taps = h * w;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < i; c++)
      for (let k = 0; k < o; k++) out[(k * i + c) * taps + tap] = data[(tap * i + c) * o + k]!;
  }
  return { shape: shapeOnDisk(shape), data: out };
}

function toHwio({ shape: [o, i, h, w], data }: Stored): Float32Array {
  const out = new Float32Array(data.length);
  const taps = h! * w!;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < i!; c++)
      for (let k = 0; k < o!; k++) out[(tap * i! + c) * o! + k] = data[(k * i! + c) * taps + tap]!;
  }
  return out;
}
