import type { GpuDevice } from "../src/tensor/device.ts";
import { Rng } from "../src/tensor/rng.ts";
import { noGrad } from "../src/tensor/tape.ts";
import { scope, type Tensor } from "../src/tensor/tensor.ts";

/** The tensors that a piece of work reads: random, the same in every run, and freed together. */
export class Tensors {
  readonly #made: Tensor[] = [];
  readonly #rng = new Rng(7);

  constructor(readonly device: GpuDevice) {}

  /** Normally distributed elements. */
  normal(...shape: number[]): Tensor {
    const data = new Float32Array(shape.reduce((size, extent) => size * extent, 1));
    this.#rng.fillNormal(data, 1);
    return this.keep(this.device.upload(data, shape));
  }

  /** The same value everywhere. */
  constant(value: number, ...shape: number[]): Tensor {
    const size = shape.reduce((product, extent) => product * extent, 1);
    return this.keep(this.device.upload(new Float32Array(size).fill(value), shape));
  }

  /** Classes below `classes`, u32. */
  labels(classes: number, ...shape: number[]): Tensor {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const data = Uint32Array.from({ length: size }, (_, i) => (i * 7) % classes);
    return this.keep(this.device.upload(data, shape, "u32"));
  }

  /** Frees this tensor with the others. */
  keep<T extends Tensor>(tensor: T): T {
    this.#made.push(tensor);
    return tensor;
  }

  /**
   * The backward pass of one op alone: `forward` runs once, now; the function returned computes the gradients that flow to
   * the inputs which are wanted.
   */
  gradient(inputs: readonly Tensor[], wanted: readonly boolean[], forward: () => Tensor): () => void {
    for (const [i, input] of inputs.entries()) input.requiresGrad = wanted[i] ?? false;
    const output = this.keep(forward());
    const { node } = output;
    if (!node) throw new Error("expected the op to be recorded, got no node");
    for (const tensor of node.saved) this.keep(tensor);
    const dy = this.normal(...output.shape);
    return () => {
      scope(() => {
        noGrad(() =>
          node.op.backward(
            node,
            dy,
            node.inputs.map((input) => input.tracked),
          ),
        );
      });
    };
  }

  dispose(): void {
    for (const tensor of this.#made) tensor.dispose();
  }
}
