import type { GpuDevice } from "./device.ts";
import { Program } from "./program.ts";
import { type Shape, showShape } from "./shape.ts";
import { type DType, scope, type Tensor } from "./tensor.ts";

/** Elements on the host with their shape; f32 unless said otherwise. */
export interface HostArray {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
  readonly dtype?: DType;
}

interface Recorded<Name extends string, T> {
  inputs: Record<Name, Tensor>;
  program: Program<T>;
}

/** How a compiled function runs. */
export interface CompileOptions {
  /** Programs kept at once, one for each set of shapes; the one used longest ago goes first. */
  programs?: number;
}

/**
 * A function of host arrays that is recorded the first time it sees a set of shapes, and replayed from then on: see
 * Program.record for what its body may do.
 */
export class Compiled<Name extends string, T> {
  readonly #known = new Map<string, Recorded<Name, T>>();
  readonly #capacity: number;

  constructor(
    private readonly device: GpuDevice,
    private readonly body: (inputs: Record<Name, Tensor>) => T,
    { programs = 2 }: CompileOptions = {},
  ) {
    this.#capacity = programs;
  }

  /** Writes the inputs and submits one run; the result's elements are valid until the next run with these shapes. */
  run(inputs: Record<Name, HostArray>): T {
    const { inputs: tensors, program } = this.#prepare(inputs);
    for (const name of namesOf(inputs)) this.device.write(tensors[name], inputs[name].data);
    program.run();
    return program.result;
  }

  /** The program for inputs of these shapes, recorded now if it is not yet. */
  program(inputs: Record<Name, HostArray>): Program<T> {
    return this.#prepare(inputs).program;
  }

  /** Hands over the work on inputs of these shapes, to be recorded in another way; programs recorded before are forgotten. */
  async handOver<R>(
    inputs: Record<Name, HostArray>,
    use: (device: GpuDevice, work: () => T) => Promise<R>,
  ): Promise<R> {
    this.dispose();
    const tensors = this.#inputs(inputs);
    try {
      return await use(this.device, () => this.body(tensors));
    } finally {
      for (const name of namesOf(tensors)) tensors[name].dispose();
    }
  }

  /** Frees every program with its inputs and results. */
  dispose(): void {
    for (const key of [...this.#known.keys()]) this.#forget(key);
  }

  #prepare(inputs: Record<Name, HostArray>): Recorded<Name, T> {
    const key = namesOf(inputs)
      .map((name) => `${name}${showShape(inputs[name].shape)}${inputs[name].dtype ?? "f32"}`)
      .join();
    const known = this.#known.get(key);
    if (known) {
      // Last in the map is used last.
      this.#known.delete(key);
      this.#known.set(key, known);
      return known;
    }
    if (this.#known.size >= this.#capacity) this.#forget(this.#known.keys().next().value!);
    const tensors = this.#inputs(inputs);
    try {
      const made = { inputs: tensors, program: Program.record(this.device, () => this.body(tensors)) };
      this.#known.set(key, made);
      return made;
    } catch (error) {
      for (const name of namesOf(tensors)) tensors[name].dispose();
      throw error;
    }
  }

  #inputs(inputs: Record<Name, HostArray>): Record<Name, Tensor> {
    // Frees those that were made where there is no memory for all.
    const tensors = scope(() => {
      const made = {} as Record<Name, Tensor>;
      for (const name of namesOf(inputs)) {
        const { shape, dtype } = inputs[name];
        made[name] = this.device.empty(shape, `input ${name}`, dtype);
      }
      return made;
    });
    for (const name of namesOf(tensors)) tensors[name].keep();
    return tensors;
  }

  #forget(key: string): void {
    const { inputs, program } = this.#known.get(key)!;
    this.#known.delete(key);
    program.dispose();
    for (const name of namesOf(inputs)) inputs[name].dispose();
  }
}

function namesOf<Name extends string>(record: Record<Name, unknown>): Name[] {
  return Object.keys(record) as Name[];
}
