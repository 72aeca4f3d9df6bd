import type { Device } from "./device.ts";
import { ShapeError } from "./errors.ts";
import { currentLayer, type Origin, withOrigin } from "./origin.ts";
import { type Shape, sameShape, showShape } from "./shape.ts";
import { isRecording, nextNodeId, noGrad, type TapeNode } from "./tape.ts";
import type { DType, Tensor } from "./tensor.ts";

/** What an op's forward pass hands over: its output, and tensors its gradient needs besides inputs and output. */
export interface Computed {
  output: Tensor;
  saved?: Tensor[];
}

/** The definition of an op: how shapes follow, how it runs on a GPU, and how gradients flow back. */
export interface OpDefinition<Attrs> {
  name: string;
  /** The output's shape. @throws ShapeError on bad input: no kernel runs after that. */
  shape(inputs: readonly Tensor[], attrs: Attrs): Shape;
  /** Element types the inputs must have; f32 where not given. */
  dtypes?: (DType | undefined)[];
  /** Element type of the output; f32 where not given, f16 where the inputs of `elements` are. */
  outputDType?: DType;
  /** Inputs that may be f16 instead of f32, all of them alike. */
  elements?: readonly number[];
  /** Runs the kernels; `shape` is the output's shape as computed above. */
  forward(device: Device, inputs: readonly Tensor[], attrs: Attrs, shape: Shape): Tensor | Computed;
  /**
   * Gradients of the inputs from the gradient of the output (null where none flows or `needs` says none is wanted);
   * it may return `dy` itself. Null for ops without gradient.
   */
  vjp: ((device: Device, node: TapeNode<Attrs>, dy: Tensor, needs: readonly boolean[]) => (Tensor | null)[]) | null;
}

/** An op as the tape and the registry know it. */
export class Op<Attrs = unknown> {
  constructor(readonly definition: OpDefinition<Attrs>) {}

  get name(): string {
    return this.definition.name;
  }

  /** Whether gradients flow through this op. */
  get differentiable(): boolean {
    return this.definition.vjp !== null;
  }

  /**
   * Checks the inputs, runs the op on their device and records it on the tape.
   * @throws ShapeError if shapes, element types or devices do not fit.
   */
  apply(inputs: readonly Tensor[], attrs: Attrs): Tensor {
    const { definition } = this;
    const device = inputs[0]!.device;
    const { elements = [] } = definition;
    const element = elements.length > 0 && inputs[elements[0]!]!.dtype === "f16" ? "f16" : "f32";
    for (const [i, input] of inputs.entries()) {
      const dtype = definition.dtypes?.[i] ?? (elements.includes(i) ? element : "f32");
      if (input.dtype !== dtype) throw new ShapeError(this.name, `${dtype} for input ${i}`, input.dtype);
      if (input.device !== device) throw new ShapeError(this.name, "all inputs on one device", "two devices");
    }
    const shape = definition.shape(inputs, attrs);
    const tracked = isRecording() && this.differentiable && inputs.some((input) => input.tracked);
    const origin: Origin = {
      op: this.name,
      gradient: false,
      layer: currentLayer(),
      inputs: inputs.map((input) => input.shape),
      output: shape,
    };
    const { output, saved = [] } = withOrigin(origin, () => noGrad(() => device.execute(this, inputs, attrs, shape)));
    if (!sameShape(output.shape, shape)) throw new ShapeError(this.name, showShape(shape), showShape(output.shape));
    if (tracked) {
      output.node = {
        id: nextNodeId(),
        op: this as Op<unknown>,
        inputs,
        output,
        saved,
        attrs,
        origin,
      };
    } else {
      for (const tensor of saved) tensor.dispose();
    }
    return output;
  }

  /** The gradients of a recorded node's inputs. */
  backward(node: TapeNode, dy: Tensor, needs: readonly boolean[]): (Tensor | null)[] {
    return withOrigin({ ...node.origin, gradient: true }, () =>
      this.definition.vjp!(dy.device, node as TapeNode<Attrs>, dy, needs),
    );
  }
}

/** Defines an op from its parts; the only way to make one. */
export function defineOp<Attrs>(definition: OpDefinition<Attrs>): Op<Attrs> {
  return new Op(definition);
}
